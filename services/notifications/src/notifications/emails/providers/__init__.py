"""Rendering e-mails, and the transports that send them."""
