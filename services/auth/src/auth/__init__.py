"""Accounts, credentials, sessions and signing keys."""
