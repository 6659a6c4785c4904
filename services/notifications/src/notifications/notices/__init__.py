"""Notices: which events people are told about, in which words, and through which channels."""
