"""PostgreSQL: one pool per process, one transaction object for SQLModel sessions and plain SQL alike."""
