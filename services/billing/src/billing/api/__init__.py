"""HTTP: payments, refunds and what providers send."""
