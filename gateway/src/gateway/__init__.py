"""The edge of Dukan: checks identity, limits and routes."""
