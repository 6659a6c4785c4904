"""A new customer. Nobody becomes staff or admin here."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from auth.domain.clients import Client
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.announce import email_confirmed, registered
from auth.usecases.record_audit import record_audit
from auth.usecases.request_code import issue_code, request_code
from common import clock
from common.errors import Conflict
from common.persistence.transaction import Transaction


async def register(
    tx: Transaction,
    email: str,
    password_hash: str | None,
    profile: Mapping[str, Any],
    client: Client,
    *,
    codes: Codes,
    tell_taken: bool,
    is_confirmed: bool = False,
) -> Account:
    """`profile` holds username, names and phone. The address is to be confirmed, unless it `is_confirmed` already; who
    never did gets another letter. Nobody signs in by password where there is no hash.

    Raises Conflict naming the field that is taken. Without `tell_taken` a taken e-mail address is answered like a
    free one, by an account that exists in the answer only.
    """
    now = clock.now()
    account = Account(email=email, password_hash=password_hash, **profile, created_at=now, updated_at=now)
    account.email_confirmed = is_confirmed
    await _check_username(tx, account.username)
    if not await _insert(tx, account):
        await record_audit(tx, "register", "email_taken", client)
        if tell_taken:
            raise Conflict("An account with this e-mail address exists", code="email_taken", field="email")
        await request_code(tx, "confirm_email", email, client, codes)
        return account
    tx.publish(registered(account))
    if is_confirmed:
        tx.publish(email_confirmed(account))
    else:
        await issue_code(tx, "confirm_email", email, account, client=client, codes=codes)
    await record_audit(tx, "register", "succeeded", client, account_id=account.id)
    return account


async def _insert(tx: Transaction, account: Account) -> bool:
    """False when the address is taken, whoever took it in the same moment included."""
    statement = insert(Account).values(account.model_dump()).on_conflict_do_nothing(index_elements=["email"])
    done = await tx.session.exec(statement.returning(col(Account.id)))
    return done.first() is not None


async def _check_username(tx: Transaction, username: str | None) -> None:
    if username is None:
        return
    # Two who choose one name in the same moment: the second waits here until the first is done.
    await tx.sql.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", username.lower())
    taken = select(Account.id).where(func.lower(Account.username) == username.lower())
    if (await tx.session.exec(taken)).first() is not None:
        raise Conflict("This username is taken", code="username_taken", field="username")
