"""Dead letters: events that a queue gave up, to be replayed or discarded."""
