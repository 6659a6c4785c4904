"""Addresses of a customer."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from orders.api import refused
from orders.queries import addresses_of
from orders.tables import Address
from orders.usecases.keep_addresses import add_address, change_address, own_address, remove_address

router = APIRouter(tags=["addresses"])

Required = Annotated[str, Field(min_length=1, max_length=200)]
Optional = Annotated[str, Field(max_length=200)]
Phone = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14})?$", description="E.164")]


Addressee = Annotated[Required, Field(examples=["Neema Mushi"])]


class AddressIn(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    name: Addressee
    line1: Required
    line2: Optional = ""
    city: Required
    region: Optional = ""
    postal_code: Optional = ""
    country: Required
    phone: Phone = ""
    is_default: StrictBool = False


class AddressChange(BaseModel):
    """The fields to change; none of them can be null. What is not sent has no default that a document could show."""

    model_config = ConfigDict(str_strip_whitespace=True)

    name: Addressee = Field(default_factory=str)
    line1: Required = Field(default_factory=str)
    line2: Optional = ""
    city: Required = Field(default_factory=str)
    region: Optional = ""
    postal_code: Optional = ""
    country: Required = Field(default_factory=str)
    phone: Phone = ""
    is_default: StrictBool = False


class AddressView(AddressIn):
    id: UUID

    @classmethod
    def of(cls, row: Address) -> Self:
        return cls.model_validate(row, from_attributes=True)


@router.get("/addresses", summary="List addresses")
async def get_addresses(caller: Caller, begin: Begin) -> Envelope[list[AddressView]]:
    """The default first."""
    async with begin() as tx:
        rows = await addresses_of(tx, caller.user_id)
    return ok([AddressView.of(row) for row in rows])


@router.post("/addresses", status_code=201, summary="Add an address", responses=refused.ADDING_ADDRESS)
async def post_address(body: AddressIn, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    """The first one becomes the default."""
    async with begin() as tx:
        row = await add_address(tx, Address(user_id=caller.user_id, **body.model_dump()))
    return created(AddressView.of(row))


@router.get("/addresses/{address_id}", summary="One address", responses=refused.ADDRESS)
async def get_address(address_id: UUID, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    async with begin() as tx:
        row = await own_address(tx, caller.user_id, address_id)
    return ok(AddressView.of(row))


@router.patch("/addresses/{address_id}", summary="Change an address", responses=refused.ADDRESS)
async def patch_address(address_id: UUID, body: AddressChange, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    """A default stays one until another takes its place."""
    async with begin() as tx:
        row = await change_address(tx, caller.user_id, address_id, body.model_dump(exclude_unset=True))
    return ok(AddressView.of(row))


@router.put("/addresses/{address_id}", summary="Replace an address", responses=refused.ADDRESS)
async def put_address(address_id: UUID, body: AddressIn, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    async with begin() as tx:
        row = await change_address(tx, caller.user_id, address_id, body.model_dump())
    return ok(AddressView.of(row))


@router.delete("/addresses/{address_id}", status_code=204, summary="Delete an address", responses=refused.ADDRESS)
async def delete_address(address_id: UUID, caller: Caller, begin: Begin) -> Response:
    """When the default goes, the newest takes its place."""
    async with begin() as tx:
        await remove_address(tx, caller.user_id, address_id)
    return Response(status_code=204)
