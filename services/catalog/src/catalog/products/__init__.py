"""Products: what is for sale."""
