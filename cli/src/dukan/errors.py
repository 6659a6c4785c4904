"""Errors of the command line, as one line for the terminal."""


class ProvisionError(Exception):
    """A database, broker, folder or port is not available; the message says which, why and what to do."""
