"""Use cases of images."""
