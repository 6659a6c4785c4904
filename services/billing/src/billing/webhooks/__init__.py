"""Provider events: received by webhook, stored once, applied by a job."""
