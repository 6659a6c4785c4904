"""The keys that sign access tokens: rotation, revocation, publication."""
