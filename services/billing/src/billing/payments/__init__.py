"""Payments: opened by orders, charged by providers, cancelled with their orders."""
