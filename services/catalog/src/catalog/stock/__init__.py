"""Stock: levels, reservations for orders, and the ledger."""
