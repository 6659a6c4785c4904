"""Carts, addresses, orders and the checkout saga."""
