"""Refunds: requested by staff, scheduled by payments or made at the provider; carried out by a job."""
