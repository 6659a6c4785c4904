"""Image files on disk, and Pillow."""
