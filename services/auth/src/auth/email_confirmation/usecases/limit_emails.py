"""How many e-mails strangers can have sent to one person, from however many addresses they ask.

A request on a device that the account has signed in on counts apart: strangers who use up the others cannot keep the
owner from getting an e-mail.
"""

from auth.accounts.usecases import Account
from auth.clients import Client
from auth.email_confirmation.domain import DAY, HOUR, MAX_EMAILS_PER_DAY, MAX_EMAILS_PER_HOUR
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.store import count_email_requests, insert_email_request, lock_recipient
from auth.errors import TooManyAttempts
from auth.sessions.usecases.devices import known_device
from auth.throttle.usecases import count_failure, request_limits
from common import clock
from common.ids import new_id
from common.persistence.transaction import Transaction


async def count_email(tx: Transaction, address: str, account: Account | None, client: Client, codes: Codes) -> bool:
    """Whether another e-mail may go to the address, which then counts. `account` is the one with this address.

    Addresses without an account count as well, so that both cases take the same steps.
    """
    on_known_device = account is not None and await known_device(tx, account.id, client, codes.vault) is not None
    recipient, now = codes.subject_of(address), clock.now()
    await lock_recipient(tx, recipient)
    in_hour, in_day = await count_email_requests(
        tx, recipient, on_known_device=on_known_device, hour=now - HOUR, day=now - DAY
    )
    if in_hour >= MAX_EMAILS_PER_HOUR or in_day >= MAX_EMAILS_PER_DAY:
        return False
    await insert_email_request(tx, new_id(), recipient, on_known_device=on_known_device, now=now)
    return True


async def may_send(
    tx: Transaction, action: str, email: str, account: Account | None, *, client: Client, codes: Codes
) -> bool:
    """`count_email` for a request that also counts for its client address. Raises TooManyAttempts."""
    if wait := await count_failure(tx, request_limits(action, email, client.address, codes.per_address)):
        raise TooManyAttempts(wait)
    return await count_email(tx, email, account, client, codes)
