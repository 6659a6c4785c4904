"""Pure rules: how events of one story hang together, and what of them is shown."""
