"""Prices: the replica of catalog's product prices, and what an order costs at them."""
