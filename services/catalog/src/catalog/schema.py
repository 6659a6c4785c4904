"""The base of catalog's tables."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """The base of every table that catalog declares, in the `tables.py` of the features."""
