"""Forwarding requests to services, and their responses back."""
