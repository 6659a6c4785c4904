"""Export and erasure of the data that notifications stores about a person."""
