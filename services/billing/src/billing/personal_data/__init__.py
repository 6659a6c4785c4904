"""Data export and erasure of a person, across all tables of billing."""
