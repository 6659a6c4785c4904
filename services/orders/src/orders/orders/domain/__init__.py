"""The rules of orders, without I/O: checkout, saga, payment."""
