"""Export and erasure of the data that messaging stores about a person."""
