"""The password, and the second factor where there is one, asked for again of someone who is signed in."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from auth.accounts.usecases import Account
from auth.dependencies import RequestingClient, Services
from auth.fields import FactorCode, Password
from auth.passwords.domain import Verification, normalised
from auth.sessions.usecases.sign_in import Attempt, settle
from auth.usecases.prove import begin_proof, named, stand_in
from common.errors import DukanError, Unauthenticated
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller


class Proof(BaseModel):
    """`password`, unless the account has none: there the session's sign-in or step-up of the last five minutes stands
    for it. `code`, of the authenticator app or a recovery code, where there is a second factor."""

    password: Password | None = None
    code: FactorCode | None = None


Proving = Callable[[Proof], AbstractAsyncContextManager[tuple[Transaction, Account]]]


async def _prove(caller: Caller, client: RequestingClient, begin: Begin, identification: Services) -> Proving:
    """`async with prove(body) as (tx, account)`: a transaction after the proof, and the caller's account, locked.

    Raises Invalid naming the field, or RateLimited, once what was tried is recorded; Forbidden without a fresh proof.
    """

    @asynccontextmanager
    async def prove(proof: Proof) -> AsyncIterator[tuple[Transaction, Account]]:
        async with begin() as tx:
            attempt = await begin_proof(tx, caller.user_id, client, identification.per_address)
        if isinstance(attempt, DukanError):
            raise attempt
        verification = await verify(attempt, proof.password)
        try:
            async with begin() as tx:
                yield tx, await settle(tx, attempt, verification, proof.code or None, identification.vault)
        except Unauthenticated as error:
            raise named(error) from error

    async def verify(attempt: Attempt, password: str | None) -> Verification:
        if password is not None:
            return await identification.hashing.verify(attempt.password_hash, normalised(password))
        async with begin() as tx:
            return await stand_in(tx, attempt, caller.user_id, caller.session_id)

    return prove


Prove = Annotated[Proving, Depends(_prove)]
