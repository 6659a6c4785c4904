"""Carts: one per customer, at current prices."""
