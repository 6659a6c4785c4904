"""The SQL of products."""
