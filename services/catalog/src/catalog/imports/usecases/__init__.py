"""What an import does."""
