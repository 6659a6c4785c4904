"""The API gateway of Dukan: checks identity, limits and routes."""
