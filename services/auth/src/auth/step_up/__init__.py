"""Re-authentication of a signed-in caller, and step-up of their session."""
