"""The second factor: an authenticator app (TOTP) and its recovery codes."""
