"""In-app notifications: created, listed, marked as read, deleted."""
