"""Pure rules: the saga's table, the order, its payment and its lines."""
