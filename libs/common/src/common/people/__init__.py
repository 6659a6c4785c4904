"""How people are named and reached: e-mail addresses, telephone numbers, usernames and names, one rule each."""
