"""HTTP: the application around a service's routes, and what routes are given."""
