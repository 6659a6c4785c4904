"""Prices: the replica of catalog's prices and of what is on sale, and what an order costs."""
