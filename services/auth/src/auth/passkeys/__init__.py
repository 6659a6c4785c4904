"""Passkeys: registration, sign-in, and the challenges that authenticators sign."""
