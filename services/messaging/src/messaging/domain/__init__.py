"""Pure rules: how a message's status moves, whose day it counts for, what it says."""
