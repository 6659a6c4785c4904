"""Stripe through its own client: one PaymentIntent per payment.

A charge is two calls. The intent is created under the payment's id as idempotency key, which moves no money, and
then confirmed, which an intent allows only once: nothing that is repeated, crashes or times out can charge twice, and
a charge whose outcome is unknown can be cancelled without being made first. Confirmations carry no idempotency key,
because Stripe would replay an error of its own under that key for a day and hide the state of the intent.
"""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import stripe

from billing.errors import AmountNotPayable
from billing.payments.domain.outcomes import Declined, Outcome, RefundFailed, RefundOutcome, RefundPending, Unknown
from billing.payments.domain.provider import Charge, Refund
from billing.payments.providers.minor_units import to_stripe
from billing.payments.providers.stripe_objects import payment_outcome, refund_outcome
from common import clock

KEY_LIFETIME = timedelta(hours=23)
"""Stripe removes an idempotency key after 24 hours; older intents are searched by their metadata."""

FINAL_REFUND_ERRORS = frozenset({"charge_already_refunded", "charge_disputed", "charge_not_refundable"})
"""Error codes that no repetition changes; the cause of every other one (a wrong key, say) can be fixed."""

Intent = dict[str, Any]


class IntentRejectedError(Exception):
    """Stripe did not create the intent, and a repetition would change nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


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
        return await _outcome(self._charge(charge), charge.reference)

    async def query(self, charge: Charge) -> Outcome:
        return await _outcome(self._charge(charge), charge.reference)

    async def cancel(self, charge: Charge) -> Outcome:
        return await _outcome(self._cancel(charge), charge.reference)

    async def refund(self, refund: Refund) -> RefundOutcome:
        try:
            return refund_outcome(await self._find_refund(refund) or await self._create_refund(refund))
        except AmountNotPayable as error:
            return RefundFailed(error.code, error.message)
        except stripe.StripeError as error:
            if error.code in FINAL_REFUND_ERRORS:
                return RefundFailed(_code(error), _message(error))
            return RefundPending(_reason(error))

    async def _charge(self, charge: Charge) -> Outcome:
        intent = await self._intent_of(charge)
        if intent["status"] != "requires_confirmation":
            return payment_outcome(intent)
        return await _outcome(self._confirm(intent["id"]), intent["id"])

    async def _confirm(self, intent_id: str) -> Outcome:
        try:
            confirmed = await self._intents.confirm_async(
                intent_id, {"return_url": self._return_url} if self._return_url else {}
            )
        except stripe.InvalidRequestError as error:
            # Confirmed before, perhaps by a call whose response was lost; if not, it can never be confirmed.
            intent = await self._retrieve(intent_id)
            if intent["status"] == "requires_confirmation":
                return Declined(_code(error), _message(error), intent_id)
            return payment_outcome(intent)
        return payment_outcome(confirmed.to_dict())

    async def _cancel(self, charge: Charge) -> Outcome:
        intent_id = (await self._intent_of(charge))["id"]
        try:
            return payment_outcome((await self._intents.cancel_async(intent_id)).to_dict())
        except stripe.InvalidRequestError:
            return payment_outcome(await self._retrieve(intent_id))

    async def _intent_of(self, charge: Charge) -> Intent:
        if charge.reference is not None:
            return await self._retrieve(charge.reference)
        if clock.now() - charge.requested_at > KEY_LIFETIME and (found := await self._search(charge)) is not None:
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
            raise IntentRejectedError(_code(error), _message(error)) from error
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
        """The refund that an earlier attempt made, however long ago: unlike keys, refunds stay at Stripe."""
        if refund.attempt <= 1:
            return None
        listed = await self._refunds.list_async({"payment_intent": refund.charge_reference, "limit": 100})
        made = (each.to_dict() for each in listed.data)
        return next((each for each in made if each["metadata"].get("refund_id") == str(refund.refund_id)), None)

    async def __aenter__(self) -> "StripeProvider":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]


async def _outcome(call: Awaitable[Outcome], reference: str | None) -> Outcome:
    """The outcome of a call, whatever it raised. Only a rejected charge is a decline: all else is unknown."""
    try:
        return await call
    except stripe.CardError as error:
        return Declined(_code(error), _message(error), reference)
    except (AmountNotPayable, IntentRejectedError) as error:
        return Declined(error.code, error.message, reference)
    except stripe.StripeError as error:
        return Unknown(_reason(error), reference)


def _code(error: stripe.StripeError) -> str:
    detail = error.error
    return (getattr(detail, "decline_code", None) if detail else None) or error.code or "invalid_request"


def _message(error: stripe.StripeError) -> str:
    return error.user_message or "Stripe rejected the request"


def _reason(error: stripe.StripeError) -> str:
    return " ".join(str(part) for part in (type(error).__name__, error.http_status, error.code) if part)
