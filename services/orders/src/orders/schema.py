"""The base of the tables of orders."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """The features declare their tables on it."""
