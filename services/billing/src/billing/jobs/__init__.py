"""What runs on a clock: charging, refunding, and reading what providers told us."""
