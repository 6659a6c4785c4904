"""The SQL of payments, and of refunds that are scheduled with a change of a payment."""
