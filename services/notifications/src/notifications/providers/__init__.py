"""Ways for letters to leave the house."""
