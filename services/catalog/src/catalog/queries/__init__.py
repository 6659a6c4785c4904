"""Reads for the API, rendered to JSON by PostgreSQL."""
