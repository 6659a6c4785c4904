"""One verb per file. Each takes a transaction and values, and never commits."""
