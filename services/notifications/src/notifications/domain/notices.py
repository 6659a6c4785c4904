"""What a person is told of a fact: in the app always, by e-mail where a template is named."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.money import Money
from notifications.domain.amounts import spoken

CANCELLATION_REASONS = {
    "out_of_stock": "an item is out of stock",
    "unknown_product": "an item is no longer on offer",
    "payment_declined": "the payment was declined",
    "payment_timeout": "the payment did not arrive in time",
    "stock_timeout": "the stock could not be set aside in time",
    "reservation_expired": "the items could not be held any longer",
    "cancelled_by_customer": "you asked for it",
    "cancelled_by_staff": "the shop could not fulfil it",
}
SECURITY_CHANGES = {
    "totp_on": "An authenticator app was added to your account",
    "totp_off": "The authenticator app was removed from your account",
    "recovery_codes_renewed": "Your account has new recovery codes",
    "passkey_added": "A passkey was added to your account",
    "passkey_removed": "A passkey was removed from your account",
    "identity_linked": "An account elsewhere signs in to your account from now on",
    "identity_unlinked": "An account elsewhere signs in to your account no longer",
    "api_key_made": "An API key was made for your account",
    "email_changed": "The e-mail address of your account was changed",
}
UNKNOWN_REASON = "it could not be completed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One in-app notification; with `template`, a mail as well, rendered from `details`; without a title only that.

    What `details` hold under `sealed` is opened when the letter is written: it is for its reader's eyes. Under `to`
    they may name where the mail goes instead of the contact's address.
    """

    topic: str
    title: str
    body: str
    data: dict[str, Any] = field(default_factory=dict)
    template: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order as its customer bought it."""

    title: str
    quantity: int
    unit_price: Money


def welcome() -> Notice:
    return Notice(
        topic="account.welcome",
        title="Welcome to Dukan",
        body="Your account is ready.",
        template="welcome",
    )


def confirm_email(sealed: str, expires_at: datetime) -> Notice:
    return _letter("confirm_email", sealed, expires_at)


def reset_password(sealed: str, expires_at: datetime) -> Notice:
    return _letter("reset_password", sealed, expires_at)


def change_email(sealed: str, expires_at: datetime, email: str) -> Notice:
    """To the address that the account is to have."""
    letter = _letter("change_email", sealed, expires_at)
    return replace(letter, details=letter.details | {"to": email})


def password_changed() -> Notice:
    return Notice(
        topic="account.password_changed",
        title="Your password was changed",
        body="If it was not you, reset it at once.",
        template="password_changed",
    )


def _letter(template: str, sealed: str, expires_at: datetime) -> Notice:
    """By mail only: who reads the app is signed in, and need not be the one who reads the mailbox."""
    return Notice(
        topic=f"account.{template}",
        title="",
        body="",
        template=template,
        details={"sealed": sealed, "expires_at": expires_at.isoformat()},
    )


def new_device(name: str, address: str, seen_at: datetime) -> Notice:
    when = _spoken(seen_at)
    return Notice(
        topic="account.new_device",
        title="New sign-in to your account",
        body=f"{name}, from {address}, {when}. If it was not you, change your password.",
        data={"device": name, "address": address},
        template="new_device",
        details={"device": name, "address": address, "seen_at": when},
    )


def security_changed(what: str, address: str, at: datetime, email: str | None) -> Notice:
    """`what` is as auth names it; what it names tomorrow is told in general words."""
    changed, when = SECURITY_CHANGES.get(what, "How one signs in to your account changed"), _spoken(at)
    return Notice(
        topic="account.security_changed",
        title=changed,
        body=f"From {address}, {when}. If it was not you, change your password and end the other sessions.",
        data={"what": what, "address": address},
        template="security_changed",
        details={"changed": changed, "address": address, "at": when} | ({"to": email} if email else {}),
    )


def order_confirmed(order_id: UUID, number: str, lines: Sequence[Line], total: Money) -> Notice:
    return Notice(
        topic="order.confirmed",
        title=f"Order {number} is confirmed",
        body=f"We received {spoken(total)} and are preparing your order.",
        data=_order(order_id, number),
        template="order_confirmed",
        details={"number": number, "lines": [_bought(line) for line in lines], "total": total.model_dump()},
    )


def order_cancelled(order_id: UUID, number: str, reason: str) -> Notice:
    because = CANCELLATION_REASONS.get(reason, UNKNOWN_REASON)
    return Notice(
        topic="order.cancelled",
        title=f"Order {number} was cancelled",
        body=f"Your order was cancelled because {because}.",
        data=_order(order_id, number) | {"reason": reason},
        template="order_cancelled",
        details={"number": number, "because": because},
    )


def order_shipped(order_id: UUID, number: str, carrier: str | None, tracking_number: str | None) -> Notice:
    by = f" with {carrier}" if carrier else ""
    tracked = f", tracking number {tracking_number}" if tracking_number else ""
    return Notice(
        topic="order.shipped",
        title=f"Order {number} is on its way",
        body=f"It left the shop{by}{tracked}.",
        data=_order(order_id, number) | {"carrier": carrier, "tracking_number": tracking_number},
        template="order_shipped",
        details={"number": number, "carrier": carrier, "tracking_number": tracking_number},
    )


def order_delivered(order_id: UUID, number: str) -> Notice:
    return Notice(
        topic="order.delivered",
        title=f"Order {number} was delivered",
        body="Enjoy it, and tell us if anything is not as it should be.",
        data=_order(order_id, number),
        template="order_delivered",
        details={"number": number},
    )


def payment_refunded(order_id: UUID, amount: Money) -> Notice:
    return Notice(
        topic="payment.refunded",
        title=f"{spoken(amount)} is on its way back to you",
        body="We refunded your payment. It can take a few days to show.",
        data={"order_id": str(order_id), "amount": amount.model_dump()},
    )


def _spoken(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _order(order_id: UUID, number: str) -> dict[str, Any]:
    return {"order_id": str(order_id), "number": number}


def _bought(line: Line) -> dict[str, Any]:
    return {
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price.model_dump(),
        "line_total": (line.unit_price * line.quantity).model_dump(),
    }
