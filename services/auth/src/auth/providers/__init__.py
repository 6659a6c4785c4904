"""Cryptography: password hashes, sealing and signing."""
