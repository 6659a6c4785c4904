"""CloudEvents, the outbox that they are written to, and the inbox that accepts each once per consumer."""
