"""Faults inside the services' processes, injected from outside: production code has no hooks for them."""
