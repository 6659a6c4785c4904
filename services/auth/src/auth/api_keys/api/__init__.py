"""HTTP of API keys."""
