"""E-mails: queued, rendered from templates, and sent through a transport."""
