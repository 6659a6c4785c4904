"""Categories, products, stock and media."""
