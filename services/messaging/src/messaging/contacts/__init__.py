"""A replica of people's phones, time zones and daily limits, from the events of auth."""
