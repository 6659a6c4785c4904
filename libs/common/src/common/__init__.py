"""What every Dukan service stands on: contracts, bus, persistence, web, telemetry."""
