"""HTTP of sign-in with other issuers."""
