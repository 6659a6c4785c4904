"""What messaging does: one verb per file, in a transaction that the caller commits."""
