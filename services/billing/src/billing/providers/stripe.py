"""Stripe through its own client: one PaymentIntent per payment.

A charge is two calls. The intent is created under the payment's id as idempotency key, which moves no money, and
then confirmed, which an intent allows only once: nothing that is repeated, crashed or timed out can charge twice, and
a charge that nobody knows the fate of can be cancelled without being made first. Confirmations carry no key of
their own, because Stripe would remember an error of its side under it for a day and hide what became of the intent.
"""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import stripe

from billing.domain.outcomes import Declined, Outcome, RefundOutcome, RefundPending, RefundRefused, Unknown
from billing.providers.minor_units import to_stripe
from billing.providers.port import Charge, Refund
from billing.providers.stripe_reading import outcome_of, refund_outcome_of
from common import clock
from common.errors import Invalid

KEY_LIFE = timedelta(hours=23)
"""Stripe forgets an idempotency key after 24 hours; from then on an intent is looked for by its metadata."""

FINAL_REFUSALS = frozenset({"charge_already_refunded", "charge_disputed", "charge_not_refundable"})
"""Error codes after which asking again is pointless; all others (a wrong key, say) can be mended by somebody."""

Intent = dict[str, Any]


class StripeProvider:
    """`timeout` in seconds bounds each HTTP request; `return_url` is where customers come back after 3-D Secure."""

    def __init__(self, secret_key: str, *, url: str, timeout: float, return_url: str | None = None) -> None:
        self._return_url = return_url
        self._http = stripe.HTTPXClient(timeout=timeout)
        client = stripe.StripeClient(
            secret_key, base_addresses={"api": url}, http_client=self._http, max_network_retries=0
        )
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds

    async def charge(self, charge: Charge) -> Outcome:
        if charge.method is None:
            return Declined("payment_method_missing", "Stripe needs a payment method")
        return await _told(self._charge(charge), charge.reference)

    async def query(self, charge: Charge) -> Outcome:
        return await _told(self._charge(charge), charge.reference)

    async def cancel(self, charge: Charge) -> Outcome:
        return await _told(self._cancel(charge), charge.reference)

    async def refund(self, refund: Refund) -> RefundOutcome:
        try:
            return refund_outcome_of(await self._find_refund(refund) or await self._create_refund(refund))
        except Invalid as error:
            return RefundRefused(error.code, error.message)
        except stripe.StripeError as error:
            if error.code in FINAL_REFUSALS:
                return RefundRefused(_code(error), _message(error))
            return RefundPending(_reason(error))

    async def _charge(self, charge: Charge) -> Outcome:
        intent = await self._intent_of(charge)
        if intent["status"] != "requires_confirmation":
            return outcome_of(intent)
        return await _told(self._confirm(intent["id"]), intent["id"])

    async def _confirm(self, intent_id: str) -> Outcome:
        try:
            confirmed = await self._intents.confirm_async(
                intent_id, {"return_url": self._return_url} if self._return_url else {}
            )
        except stripe.InvalidRequestError as error:
            # Confirmed before, perhaps by a call whose answer was lost; else it never can be.
            intent = await self._retrieve(intent_id)
            if intent["status"] == "requires_confirmation":
                return Declined(_code(error), _message(error), intent_id)
            return outcome_of(intent)
        return outcome_of(confirmed.to_dict())

    async def _cancel(self, charge: Charge) -> Outcome:
        intent_id = (await self._intent_of(charge))["id"]
        try:
            return outcome_of((await self._intents.cancel_async(intent_id)).to_dict())
        except stripe.InvalidRequestError:
            return outcome_of(await self._retrieve(intent_id))

    async def _intent_of(self, charge: Charge) -> Intent:
        if charge.reference is not None:
            return await self._retrieve(charge.reference)
        if clock.now() - charge.requested_at > KEY_LIFE and (found := await self._search(charge)) is not None:
            return found
        return await self._create(charge)

    async def _create(self, charge: Charge) -> Intent:
        params: dict[str, Any] = {
            "amount": to_stripe(charge.amount),
            "currency": charge.amount.currency.lower(),
            "payment_method_types": ["card"],
            "metadata": {
                "payment_id": str(charge.payment_id),
                "order_id": str(charge.order_id),
                "order_number": charge.number,
            },
        }
        if charge.method is not None:
            params["payment_method"] = charge.method
        try:
            created = await self._intents.create_async(params, {"idempotency_key": str(charge.payment_id)})  # type: ignore[arg-type]
        except stripe.InvalidRequestError as error:
            raise Invalid(_message(error), code=_code(error)) from error
        return created.to_dict()

    async def _retrieve(self, intent_id: str) -> Intent:
        return (await self._intents.retrieve_async(intent_id)).to_dict()

    async def _search(self, charge: Charge) -> Intent | None:
        found = await self._intents.search_async({"query": f"metadata['payment_id']:'{charge.payment_id}'"})
        return found.data[0].to_dict() if found.data else None

    async def _create_refund(self, refund: Refund) -> dict[str, Any]:
        created = await self._refunds.create_async(
            {
                "payment_intent": refund.charge_reference,
                "amount": to_stripe(refund.amount),
                "metadata": {"refund_id": str(refund.refund_id), "payment_id": str(refund.payment_id)},
            },
            {"idempotency_key": str(refund.refund_id)},
        )
        return created.to_dict()

    async def _find_refund(self, refund: Refund) -> dict[str, Any] | None:
        """What an earlier attempt made, however long ago: keys are forgotten, refunds are not."""
        if refund.attempt <= 1:
            return None
        listed = await self._refunds.list_async({"payment_intent": refund.charge_reference, "limit": 100})
        made = (each.to_dict() for each in listed.data)
        return next((each for each in made if each["metadata"].get("refund_id") == str(refund.refund_id)), None)

    async def __aenter__(self) -> "StripeProvider":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]


async def _told(call: Awaitable[Outcome], reference: str | None) -> Outcome:
    """The outcome of a call, whatever it raised. Only a refusal to charge is a decline: all else is asked again."""
    try:
        return await call
    except stripe.CardError as error:
        return Declined(_code(error), _message(error), reference)
    except Invalid as error:
        return Declined(error.code, error.message, reference)
    except stripe.StripeError as error:
        return Unknown(_reason(error), reference)


def _code(error: stripe.StripeError) -> str:
    detail = error.error
    return (getattr(detail, "decline_code", None) if detail else None) or error.code or "invalid_request"


def _message(error: stripe.StripeError) -> str:
    return error.user_message or "Stripe refused this"


def _reason(error: stripe.StripeError) -> str:
    return " ".join(str(part) for part in (type(error).__name__, error.http_status, error.code) if part)
