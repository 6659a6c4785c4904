"""How many messages each account may send per day."""
