"""/products/import and /products/imports: for staff."""
