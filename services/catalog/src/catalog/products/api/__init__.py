"""HTTP routes of products."""
