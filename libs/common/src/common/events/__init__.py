"""From commit to effect: the CloudEvent, the outbox that it is written to, the inbox that accepts it once."""
