"""Proving again who one is, before what a stolen session must not do."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from auth.api.fields import FactorCode, Password
from auth.api.proof import Proof, Prove
from auth.usecases.step_up import is_fresh, step_up_required
from common.web.dependencies import Begin, Caller


class FreshProof(BaseModel):
    """Not asked for when one has signed in or stepped up within five minutes. `code`, of the authenticator app or a
    recovery code, where there is a second factor."""

    password: Password | None = None
    code: FactorCode | None = None


Confirming = Callable[[FreshProof | None], Awaitable[None]]


async def _confirm(caller: Caller, begin: Begin, prove: Prove) -> Confirming:
    """`await confirm(body)`: the caller proves now who they are, or did a short time ago.

    Raises Forbidden saying how to, Invalid naming the field of a wrong proof, or RateLimited.
    """

    async def confirm(given: FreshProof | None) -> None:
        if given is not None and given.password is not None:
            async with prove(Proof(password=given.password, code=given.code)):
                return
        async with begin() as tx:
            if not await is_fresh(tx, caller.user_id, caller.session_id):
                raise step_up_required()

    return confirm


Confirm = Annotated[Confirming, Depends(_confirm)]
