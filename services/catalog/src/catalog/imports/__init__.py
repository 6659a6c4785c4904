"""Import of products from CSV and JSON files."""
