"""API keys: creation, rotation, revocation, and their exchange for access tokens."""
