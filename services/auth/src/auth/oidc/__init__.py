"""Sign-in with accounts at other issuers (OpenID Connect), and the identities that are linked to an account."""
