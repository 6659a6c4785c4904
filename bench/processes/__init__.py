"""Measuring programs and stand-ins that run in processes of their own, so that their CPU can be told apart."""
