"""The item of a request body, which carts and orders have in common."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from common.web.fields import WHOLE
from orders.prices.domain import MAX_QUANTITY

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY, examples=[2]), WHOLE]


class Item(BaseModel):
    product_id: UUID
    quantity: Quantity
