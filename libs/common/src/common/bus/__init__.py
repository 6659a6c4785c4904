"""The bus core: outbox, relay, transports, inbox and dispatch. At least once on the wire, once in effect."""
