"""Event journal, dead letters and the request log."""
