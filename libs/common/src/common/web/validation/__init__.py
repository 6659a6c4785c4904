"""Validation of what clients send: query, path, headers, JSON and forms; and its errors in our own words."""
