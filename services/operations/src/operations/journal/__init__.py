"""The journal: every event that was on the bus."""
