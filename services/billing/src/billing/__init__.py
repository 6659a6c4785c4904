"""Payments, refunds and provider events."""
