"""/addresses: the caller's addresses."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from common.openapi.errors import errors
from common.web import fields
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.listing import ORDERING, SearchText
from common.web.pagination import ShortPage, page_meta
from common.web.people import NAME, PHONE_OR_EMPTY
from orders.addresses.store import SORTING, find_address, list_addresses
from orders.addresses.tables import Address
from orders.addresses.usecases import add_address, change_address, remove_address
from orders.errors import AddressNotFound, TooManyAddresses

router = APIRouter(tags=["addresses"])

REQUIRED = Field(min_length=1, max_length=200)
OPTIONAL = Field(max_length=200)

Line2Text = Annotated[str, Field(examples=["Flat 3"])]
Name = Annotated[fields.PersonName, REQUIRED, NAME]
Line1 = Annotated[fields.AddressLine, REQUIRED, NAME]
Line2 = Annotated[Line2Text, OPTIONAL, NAME]
City = Annotated[fields.City, REQUIRED, NAME]
Region = Annotated[fields.Region, OPTIONAL, NAME]
PostalCode = Annotated[fields.PostalCode, OPTIONAL]
# Not CountryCode: names of countries have been accepted from the beginning.
Country = Annotated[str, Field(min_length=1, max_length=200, examples=["TZ"])]
Phone = Annotated[fields.Phone, Field(max_length=40), PHONE_OR_EMPTY]


class AddressIn(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    name: Name
    line1: Line1
    line2: Line2 = ""
    city: City
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country
    phone: Phone = ""
    is_default: StrictBool = False


class AddressChange(BaseModel):
    """The fields to change; none of them can be null. A required field shows no default in the document."""

    model_config = ConfigDict(str_strip_whitespace=True)

    name: Name = Field(default_factory=str)
    line1: Line1 = Field(default_factory=str)
    line2: Line2 = ""
    city: City = Field(default_factory=str)
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country = Field(default_factory=str)
    phone: Phone = ""
    is_default: StrictBool = False


class AddressView(BaseModel):
    """An address as it is stored; older ones may break rules that were added later."""

    name: fields.PersonName
    line1: fields.AddressLine
    line2: Line2Text
    city: fields.City
    region: fields.Region
    postal_code: fields.PostalCode
    country: Annotated[str, Field(examples=["TZ"])]
    phone: fields.Phone
    is_default: bool
    id: UUID

    @classmethod
    def of(cls, row: Address) -> Self:
        return cls.model_validate(row, from_attributes=True)


@router.get("/addresses", summary="List addresses")
async def get_addresses(
    *,
    request: Request,
    caller: Caller,
    begin: Begin,
    page: ShortPage,
    search: Annotated[
        SearchText | None,
        Query(description="part of the name, a line, the city or the postal code", examples=["moshi"]),
    ] = None,
    ordering: Annotated[str | None, SORTING, ORDERING] = None,
) -> Envelope[list[AddressView]]:
    """The default first, then the newest, unless ordered otherwise."""
    async with begin() as tx:
        rows, total = await list_addresses(tx, caller.user_id, search or None, ordering, page)
    return ok([AddressView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.post("/addresses", status_code=201, summary="Add an address", responses=errors(TooManyAddresses))
async def post_address(body: AddressIn, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    """The first address becomes the default."""
    async with begin() as tx:
        row = await add_address(tx, Address(user_id=caller.user_id, **body.model_dump()))
    return created(AddressView.of(row))


@router.get("/addresses/{address_id}", summary="One address", responses=errors(AddressNotFound))
async def get_address(address_id: UUID, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    async with begin() as tx:
        row = await find_address(tx, caller.user_id, address_id)
    return ok(AddressView.of(row))


@router.patch("/addresses/{address_id}", summary="Change an address", responses=errors(AddressNotFound))
async def patch_address(address_id: UUID, body: AddressChange, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    """The default remains the default until another address replaces it."""
    return await _change(address_id, body.model_dump(exclude_unset=True), caller.user_id, begin)


@router.put("/addresses/{address_id}", summary="Replace an address", responses=errors(AddressNotFound))
async def put_address(address_id: UUID, body: AddressIn, caller: Caller, begin: Begin) -> Envelope[AddressView]:
    """The default remains the default until another address replaces it."""
    return await _change(address_id, body.model_dump(), caller.user_id, begin)


@router.delete(
    "/addresses/{address_id}", status_code=204, summary="Delete an address", responses=errors(AddressNotFound)
)
async def delete_address(address_id: UUID, caller: Caller, begin: Begin) -> Response:
    """When the default is deleted, the newest address becomes the default."""
    async with begin() as tx:
        await remove_address(tx, caller.user_id, address_id)
    return Response(status_code=204)


async def _change(address_id: UUID, changes: dict[str, object], user_id: UUID, begin: Begin) -> Envelope[AddressView]:
    async with begin() as tx:
        row = await change_address(tx, user_id, address_id, changes)
    return ok(AddressView.of(row))
