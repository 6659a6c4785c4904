"""One verb per file: each takes a transaction and values, never commits, and returns facts."""
