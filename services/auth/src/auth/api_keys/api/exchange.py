"""POST /internal/api-keys/exchange: for the gateway, which does not route it.

Possession of the key is the only credential: a caller who reaches the service without one gains nothing.
"""

from fastapi import APIRouter
from pydantic import BaseModel

from auth.api_keys.api.bodies import PresentedApiKey
from auth.api_keys.usecases.exchange_api_key import exchange_api_key
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import ApiKeyAddressForbidden, ApiKeyInvalid, DailyLimitReached, ExpiredApiKey, RevokedApiKey
from common.openapi.errors import errors
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[NO_STORE])


class ExchangedTokenView(BaseModel):
    """`uses` is the number of requests it is leased for, null without a limit; `bound` means valid from this address
    only."""

    access_token: str
    expires_in: int
    uses: int | None
    bound: bool


@router.post(
    "/api-keys/exchange",
    responses=errors(ApiKeyInvalid, RevokedApiKey, ExpiredApiKey, ApiKeyAddressForbidden, DailyLimitReached),
)
async def post_exchange(
    body: PresentedApiKey, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[ExchangedTokenView]:
    async with begin() as tx:
        token = await exchange_api_key(tx, body.key, client, services)
    view = ExchangedTokenView(
        access_token=token.access.text,
        expires_in=token.access.expires_in,
        uses=token.uses,
        bound=token.is_bound,
    )
    return ok(view)
