"""What lists have in common beside pages: `ordering` by one of a list's fields, and `search`.

PAYMENTS = Sorting({"created_at": "id", "amount": "amount"})          # in store.py

ordering: Annotated[str, PAYMENTS, ORDERING] = "-created_at",         # in api.py: another value is 422
search: Annotated[SearchText | None, Query(description="part of the number")] = None,

f"ORDER BY {PAYMENTS.order_by(ordering)}"
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from pydantic import GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from common.web.text import NFC

ORDERING = Query(description="descending with a dash in front", examples=["-created_at"])

SearchText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NFC]
"""Compared without case and accents (common.persistence.search); an empty one filters nothing."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """The fields that a list can be ordered by, with their SQL. Rows with equal values are in the order of `tie`.

    As metadata of an annotation it accepts `name` and `-name` of each field. Rows without a value of a `nullable`
    field are last in both directions.
    """

    columns: Mapping[str, str]
    tie: str = "id"
    nullable: Collection[str] = ()

    def order_by(self, ordering: str) -> str:
        """The terms of ORDER BY. Raises KeyError for an ordering that `names` does not have."""
        field = ordering.removeprefix("-")
        direction = " DESC" if ordering.startswith("-") else ""
        nulls = " NULLS LAST" if field in self.nullable else ""
        terms = [f"{self.columns[field]}{direction}{nulls}"]
        if self.columns[field] != self.tie:
            terms.append(f"{self.tie}{direction}")
        return ", ".join(terms)

    @property
    def names(self) -> list[str]:
        return [f"{sign}{name}" for name in self.columns for sign in ("", "-")]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(self.names)
