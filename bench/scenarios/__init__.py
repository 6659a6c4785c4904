"""One module per subject; each has scenarios: async generators of rows."""
