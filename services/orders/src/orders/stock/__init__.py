"""Stock: the replica of catalog's stock levels, by which carts are limited."""
