"""Queueing messages, confirming orders, and applying what providers report."""
