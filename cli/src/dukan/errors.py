"""What can go wrong before the platform stands, as one line for the person at the terminal."""


class ProvisionError(Exception):
    """A database, broker, folder or port that cannot be had; the message says which, why and what to do."""
