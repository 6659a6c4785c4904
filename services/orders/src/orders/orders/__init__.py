"""Orders: the checkout, the saga and what follows it."""
