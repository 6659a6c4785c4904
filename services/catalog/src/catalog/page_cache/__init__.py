"""A cache of public pages in this process."""
