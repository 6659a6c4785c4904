"""How often a client may call, and how much it may hold open."""
