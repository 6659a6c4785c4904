"""Faults inside the services' processes, armed from outside: production code has no hooks for them."""
