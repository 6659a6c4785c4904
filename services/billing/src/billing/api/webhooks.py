"""/webhooks: what providers tell us. Verified, kept, answered; understood later."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request

from billing.providers.stripe_signature import is_signed
from billing.usecases.receive_provider_event import receive_provider_event
from common import clock
from common.errors import DukanError, Invalid, NotFound
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(tags=["webhooks"])


class BadSignature(DukanError):  # noqa: N818 (a refusal)
    status = 400
    code = "bad_signature"


async def _stripe_secret(request: Request) -> str:
    secret: str | None = request.app.state.stripe_webhook_secret
    if secret is None:
        raise NotFound("There is nothing here")
    return secret


async def _wake(request: Request) -> Callable[[], None]:
    wake: Callable[[], None] = request.app.state.wake_provider_events
    return wake


StripeSecret = Annotated[str, Depends(_stripe_secret)]
Wake = Annotated[Callable[[], None], Depends(_wake)]
Signature = Annotated[str, Header(alias="Stripe-Signature", description="as Stripe sends it")]


@router.post(
    "/webhooks/stripe",
    responses={404: {"description": "Stripe is not set up here"}},
    summary="Receive an event of Stripe",
)
async def post_stripe_event(
    request: Request, begin: Begin, secret: StripeSecret, wake: Wake, signature: Signature = ""
) -> Envelope[None]:
    """Stripe's events, signed. Answered at once, also when the event is a duplicate."""
    body = await request.body()
    if not is_signed(body, signature, secret, clock.now()):
        raise BadSignature("The signature is not valid")
    event = _event_in(body)
    async with begin() as tx:
        await receive_provider_event(
            tx, provider="stripe", external_id=event["id"], event_type=event["type"], payload=body, now=clock.now()
        )
        tx.after_commit(wake)
    return ok(None, "Received")


def _event_in(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in ("id", "type")):
        raise Invalid("An event is a JSON object with id and type", code="malformed_event")
    return event
