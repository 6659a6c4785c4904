"""Examples are made of what fields are called, of what they say of themselves, and of what their schemas allow."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from common.money import Money
from common.openapi.examples import REF, Composer


class Line(BaseModel):
    product_id: UUID
    quantity: Annotated[int, Field(ge=1)]
    line_total: Money


class Mood(StrEnum):
    CALM = "calm"
    CONFIRMED = "confirmed"


class Order(BaseModel):
    """What is unknown by name: `weight`, `colour`. What says it by itself: `shelf`."""

    lines: list[Line]
    status: Mood
    phone: str | None = None
    failure: str | None = None
    weight: float
    colour: Literal["red", "blue"]
    shelf: Annotated[str, Field(examples=["A 7"])]
    slug: Annotated[str, Field(pattern="^[0-9]+$", examples=["12"])]


class Branch(BaseModel):
    name: str
    children: list["Branch"]


class Change(BaseModel):
    email: str | None = None
    note: str = ""


class Filing(BaseModel):
    email: str
    note: str = ""
    shelf: Annotated[str | None, Field(examples=["A 7"])] = None


class Either(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "asha@example.com"}]})

    email: str | None = None
    code: str | None = None


def example_of(model: type[BaseModel], *, asked: bool = False) -> object:
    schema = model.model_json_schema(ref_template=REF + "{model}")
    example = Composer(schema.pop("$defs", {}), asked=asked).of(schema)
    model.model_validate(example)
    return example


def test_fields_are_shown_by_their_own_examples_then_by_name_then_by_kind() -> None:
    example = TypeAdapter(dict[str, object]).validate_python(example_of(Order))
    assert example["shelf"] == "A 7"
    assert example["phone"] == "+255712345678"
    assert example["failure"] is None
    assert example["status"] == "confirmed"
    assert (example["weight"], example["colour"]) == (1.5, "red")


def test_a_list_has_one_item_and_money_its_currency() -> None:
    example = TypeAdapter(dict[str, object]).validate_python(example_of(Order))
    [line] = TypeAdapter(list[Line]).validate_python(example["lines"])
    assert line.line_total == Money(amount=500_000, currency="TZS")


def test_what_contains_itself_comes_to_an_end() -> None:
    assert example_of(Branch) == {"name": "Baskets", "children": []}


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (Filing, {"email": "neema@example.com", "shelf": "A 7"}),
        (Change, {"email": "neema@example.com", "note": "Please ring twice"}),
        (Either, {"email": "asha@example.com"}),
    ],
)
def test_of_a_body_that_is_asked_for_only_the_needful_is_shown(model: type[BaseModel], shown: object) -> None:
    assert example_of(model, asked=True) == shown
