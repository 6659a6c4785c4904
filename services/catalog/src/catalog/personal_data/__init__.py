"""Data export and erasure for one person."""
