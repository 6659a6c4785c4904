"""HTTP routes of images."""
