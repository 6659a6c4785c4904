"""Someone who is signed in proves anew who they are, before what a stolen session must not do.

The same steps as a sign-in, counted under a key of their own: guesses made with a stolen session must not keep the
owner from signing in.
"""

from uuid import UUID

from auth.accounts.usecases import Account
from auth.clients import Client
from auth.passwords.domain import Verification
from auth.sessions.usecases.sign_in import Attempt, too_many
from auth.throttle.domain import Policy
from auth.throttle.usecases import limits_of, wait_of
from auth.usecases.step_up import is_fresh, step_up_required
from common.errors import DukanError, Invalid, RateLimited, Unauthenticated
from common.persistence.transaction import Transaction

FIELDS = {
    "invalid_credentials": ("password", "wrong_password", "The password is wrong"),
    "otp_required": ("code", "otp_required", None),
    "otp_invalid": ("code", "code_invalid", None),
}


async def begin_proof(tx: Transaction, account_id: UUID, client: Client, per_address: Policy) -> Attempt | RateLimited:
    account = await tx.session.get(Account, account_id)
    attempt = Attempt(account, limits_of(f"proof:{account_id}", client.address, per_address), client, "prove")
    wait = await wait_of(tx, attempt.limits)
    return await too_many(tx, attempt, wait) if wait else attempt


async def stand_in(tx: Transaction, attempt: Attempt, account_id: UUID, session_id: UUID) -> Verification:
    """For the password that an account does not have: a proof that is not old. Raises Invalid where it has one."""
    if attempt.password_hash is not None:
        raise Invalid("Give your password", code="password_missing", field="password")
    if not await is_fresh(tx, account_id, session_id):
        raise step_up_required()
    return Verification(matches=True)


def named(refusal: DukanError) -> DukanError:
    """The refusal of a sign-in as one of a form: the caller is signed in, and stays so."""
    if isinstance(refusal, Unauthenticated) and refusal.code in FIELDS:
        field, code, message = FIELDS[refusal.code]
        return Invalid(message or refusal.message, code=code, field=field)
    return refusal
