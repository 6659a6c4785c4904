"""Export and erasure of the data that operations stores about a person."""
