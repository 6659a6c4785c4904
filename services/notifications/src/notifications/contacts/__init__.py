"""A replica of people's names, e-mail addresses and languages, from the events of auth."""
