"""Messages: queued, sent through a provider, and followed to their delivery."""
