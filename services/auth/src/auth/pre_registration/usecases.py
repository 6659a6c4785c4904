from auth.clients import Client
from auth.errors import TooManyAttempts
from auth.pre_registration.store import insert_pre_registration
from auth.throttle.domain import Policy
from auth.throttle.usecases import count_failure, request_limits
from common import clock
from common.ids import new_id
from common.persistence.transaction import Transaction


async def pre_register(
    tx: Transaction, email: str, first_name: str, last_name: str, *, client: Client, per_address: Policy
) -> None:
    """Once per address; the result is the same if it was registered before. Raises TooManyAttempts."""
    if wait := await count_failure(tx, request_limits("pre_register", email, client.address, per_address)):
        raise TooManyAttempts(wait)
    await insert_pre_registration(tx, new_id(), email, first_name=first_name, last_name=last_name, now=clock.now())
