"""POST /internal/api-keys/exchange: for the gateway, which does not route it.

The key is the proof: who reaches the service and has none gains nothing here.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.usecases.exchange_api_key import exchange_api_key
from common.errors import DukanError
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[NO_STORE])


class Presented(BaseModel):
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PassView(BaseModel):
    """`uses` is the number of requests it is good for, null for any; `bound` means from this address only."""

    access_token: str
    expires_in: int
    uses: int | None
    bound: bool


@router.post("/api-keys/exchange")
async def post_exchange(
    body: Presented, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[PassView]:
    async with begin() as tx:
        signer, vault = identification.signer, identification.vault
        outcome = await exchange_api_key(tx, body.key, client, signer=signer, vault=vault)
    if isinstance(outcome, DukanError):
        raise outcome
    access = outcome.access
    view = PassView(access_token=access.text, expires_in=access.expires_in, uses=outcome.uses, bound=outcome.is_bound)
    return ok(view)
