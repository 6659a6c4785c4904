"""Creating accounts: by registration, by an administrator, and the first administrator at startup."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from auth.accounts.usecases import (
    Account,
    email_confirmed,
    find_account_by_email,
    insert_account,
    is_email_taken,
    is_username_taken,
    require_free_phone,
    user_registered,
)
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.email_confirmation.usecases.limit_emails import count_email, may_send
from auth.email_confirmation.usecases.request_code import issue_code, request_code
from auth.errors import AdminEmailTaken, EmailTaken, TooManyAttempts, UsernameTaken
from auth.registration.store import has_admin, lock_first_admin
from auth.services import AuthServices
from auth.throttle.domain import Policy
from auth.throttle.usecases import count_failure, request_limits
from common import clock
from common.contracts.auth import RegistrationAttempted
from common.people.emails import login_name
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """`profile` has username, names, phone and the like, and may have a role. Without a hash there is no password."""

    email: str
    password_hash: str | None
    profile: Mapping[str, Any] = field(default_factory=dict)
    email_confirmed: bool = False

    def to_account(self) -> Account:
        now = clock.now()
        return Account(
            email=self.email,
            password_hash=self.password_hash,
            email_confirmed=self.email_confirmed,
            **self.profile,
            created_at=now,
            updated_at=now,
        )


async def register(tx: Transaction, new: NewAccount, client: Client, services: AuthServices) -> Account:
    """As `create_account`; but unless the installation `reveals_account_existence`, a taken address gets the response
    of a free one, with an account that exists in the response only, and its owner an e-mail."""
    try:
        return await create_account(tx, new, client, services)
    except EmailTaken:
        if services.reveals_account_existence:
            raise
    await record_audit(tx, "register", "email_taken", client)
    with suppress(TooManyAttempts):
        await _tell_owner(tx, new.email, client, services)
    return new.to_account()


async def _tell_owner(tx: Transaction, email: str, client: Client, services: AuthServices) -> None:
    """Another confirmation if the address is unconfirmed, else that there is an account. Raises TooManyAttempts."""
    account = await find_account_by_email(tx, email)
    if account is None or not account.email_confirmed:
        await request_code(tx, "confirm_email", email, client, services.codes)
    elif account.is_active and await may_send(tx, "register", email, account, client=client, codes=services.codes):
        tx.publish(RegistrationAttempted(user_id=account.id, address=str(client.address), at=clock.now()))


async def create_user(
    tx: Transaction, new: NewAccount, actor_id: UUID, client: Client, services: AuthServices
) -> Account:
    """By an administrator, who may choose the role and may learn of taken addresses. Raises as `create_account`."""
    account = await create_account(tx, new, client, services)
    await record_audit(tx, "create_user", account.role, client, account_id=account.id, actor_id=actor_id)
    return account


async def create_account(tx: Transaction, new: NewAccount, client: Client, services: AuthServices) -> Account:
    """Sends a confirmation e-mail, unless the address is confirmed. Raises EmailTaken, PhoneTaken or UsernameTaken."""
    account = new.to_account()
    if account.username is not None and await is_username_taken(tx, account.username):
        raise UsernameTaken
    if services.unique_phones:
        account.unique_phone = await require_free_phone(tx, account.phone)
    if not await insert_account(tx, account):
        raise EmailTaken
    tx.publish(user_registered(account))
    if new.email_confirmed:
        tx.publish(email_confirmed(account))
    else:
        # Sent in any case, because an address can be registered only once.
        await count_email(tx, new.email, account, client, services.codes)
        await issue_code(tx, "confirm_email", new.email, account, client=client, codes=services.codes)
    await record_audit(tx, "register", "succeeded", client, account_id=account.id)
    return account


async def is_email_available(tx: Transaction, email: str, client: Client, per_address: Policy) -> bool:
    """Raises TooManyAttempts."""
    if wait := await count_failure(tx, request_limits("check_email", email, client.address, per_address)):
        raise TooManyAttempts(wait)
    return not await is_email_taken(tx, email)


async def ensure_admin(tx: Transaction, email: str, password_hash: str) -> None:
    """Create the first administrator, if there is none.

    Raises AdminEmailTaken if a customer has the address: its owner must not become administrator by that.
    """
    await lock_first_admin(tx)
    if await has_admin(tx):
        return
    address = login_name(email)
    if await is_email_taken(tx, address):
        raise AdminEmailTaken
    admin = NewAccount(address, password_hash, {"role": "admin"}, email_confirmed=True).to_account()
    await insert_account(tx, admin)
    tx.publish(user_registered(admin))
    await record_audit(tx, "change_role", "admin", account_id=admin.id, before=None)
    log.info("the first admin is %s", address)
