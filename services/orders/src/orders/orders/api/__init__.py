"""HTTP: the checkout, the commands and the reads of orders."""
