"""Runs imports, and deletes old ones."""
