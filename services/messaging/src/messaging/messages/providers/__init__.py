"""The networks that carry messages."""
