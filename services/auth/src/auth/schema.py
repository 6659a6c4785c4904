"""The base of auth's tables, which are in the `tables.py` of each feature."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """A table of the auth database."""
