"""/webhooks: events of payment providers, verified and stored. A job applies them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from billing.errors import InvalidSignature, MalformedEvent, StripeDisabled
from billing.webhooks.store import ProviderEvent, insert_event
from common import clock
from common.openapi.errors import errors
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok
from common.web.validation.checked_route import ignores_unknown_parameters

router = APIRouter(tags=["webhooks"])


@dataclass(frozen=True, slots=True)
class StripeWebhook:
    """`verify(body, header, now)` checks a signature; `wake` runs the job that applies events."""

    verify: Callable[[bytes, str, datetime], bool]
    wake: Callable[[], None]


async def _stripe(request: Request) -> StripeWebhook:
    webhook: StripeWebhook | None = request.app.state.stripe_webhook
    if webhook is None:
        raise StripeDisabled
    return webhook


Stripe = Annotated[StripeWebhook, Depends(_stripe)]
Signature = Annotated[
    str,
    Header(alias="Stripe-Signature", description="as Stripe sends it", examples=["t=1767225600,v1=45b40331de0325606d"]),
]


@router.post(
    "/webhooks/stripe",
    responses=errors(StripeDisabled, InvalidSignature, MalformedEvent),
    summary="Receive an event of Stripe",
)
@ignores_unknown_parameters
async def post_stripe_event(
    request: Request, begin: Begin, stripe: Stripe, signature: Signature = ""
) -> Envelope[None]:
    """Store a signed event of Stripe. A duplicate gets the same response and has no effect."""
    body = await request.body()
    if not stripe.verify(body, signature, clock.now()):
        raise InvalidSignature
    event = _parse("stripe", body)
    async with begin() as tx:
        await insert_event(tx, event, clock.now())
        tx.after_commit(stripe.wake)
    return ok(None, "Received")


def _parse(provider: str, body: bytes) -> ProviderEvent:
    try:
        event = json.loads(body)
    except ValueError as error:
        raise MalformedEvent from error
    match event:
        case {"id": str(external_id), "type": str(event_type)}:
            return ProviderEvent(provider, external_id, event_type, body)
    raise MalformedEvent
