"""The SQL of imports."""
