"""One verb per file; each takes a transaction and values, and never commits."""
