"""The bus: relay, transports and dispatch. At least once on the wire, exactly once in effect."""
