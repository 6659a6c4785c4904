"""Pure rules of accounts, credentials and sessions."""
