"""Who calls and what they may do: tokens, keys, revocations, permissions, scopes, cookies, encryption, signed URLs."""
