"""Failed and costly attempts, counted in the database so that every process sees them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Self
from uuid import UUID

from auth.clients import Address, neighbourhood
from auth.throttle.domain import OVERALL, PER_ACCOUNT, PER_DEVICE, PER_FACTOR, Failures, Policy
from auth.throttle.store import (
    blocked_until,
    create_keys,
    delete_keys,
    delete_keys_before,
    lock_failures,
    save_failures,
)
from common import clock
from common.persistence.transaction import Transaction

KEEP_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The keys that one attempt counts against.

    `account`: the account from this client address; `address`: the client address; `overall`: the account from any
    address. On a known device there is `device` instead of these. `factor`: the account's second factor from any
    address, which only those who know the password can reach.
    """

    per_address: Policy
    account: bytes | None = None
    address: bytes | None = None
    overall: bytes | None = None
    device: bytes | None = None
    factor: bytes | None = None

    def of_factor(self, account_id: UUID) -> Self:
        return replace(self, factor=_key("factor", str(account_id)))

    @property
    def own(self) -> list[bytes]:
        """The keys that a success clears: guesses elsewhere stay counted, and so does the address."""
        return [key for key in (self.account, self.device, self.factor) if key]

    @property
    def keys(self) -> list[bytes]:
        return sorted({*self.own, *(key for key in (self.address, self.overall) if key)})

    def policy_of(self, key: bytes) -> Policy:
        policies = {
            self.factor: PER_FACTOR,
            self.account: PER_ACCOUNT,
            self.device: PER_DEVICE,
            self.overall: OVERALL,
        }
        return policies.get(key, self.per_address)


def limits_of(identifier: str, address: Address, per_address: Policy) -> Limits:
    """Keys are hashed, because people type passwords into the wrong field."""
    network = neighbourhood(address)
    return Limits(per_address, account=_key("account", identifier, network), address=_key("address", network))


def sign_in_limits(
    name: str, account_id: UUID | None, device_id: UUID | None, address: Address, per_address: Policy
) -> Limits:
    """`name` is what was typed, `account_id` what it names, `device_id` a known device of that account."""
    if device_id is not None:
        return Limits(per_address, device=_key("device", str(device_id)))
    return replace(limits_of(name, address, per_address), overall=_overall_key(str(account_id or name)))


def request_limits(action: str, identifier: str, address: Address, per_address: Policy) -> Limits:
    """For costly requests: e-mails, availability checks. Counted apart from sign-in, so that they do not block it."""
    limits = limits_of(f"{action}:{identifier}", address, per_address)
    return replace(limits, address=_key(action, neighbourhood(address)))


async def wait_of(tx: Transaction, limits: Limits) -> float:
    """Seconds until the next attempt is allowed; 0 if it is allowed now."""
    return Failures(blocked_until=await blocked_until(tx, limits.keys)).wait(clock.now())


async def settled_wait_of(tx: Transaction, limits: Limits, *, reserve: bool = False) -> float:
    """`wait_of`, after concurrent attempts have finished: they are judged one by one.

    With `reserve` also if there was no failure before, for an attempt that may become one.
    """
    if reserve:
        await create_keys(tx, limits.keys)
    return _max_wait((await lock_failures(tx, limits.keys)).values())


async def count_failure(tx: Transaction, limits: Limits) -> float:
    """Count a failure; if the attempt came too early, count nothing and return the seconds to wait, else 0.

    Call it before the transaction takes any other lock, so that concurrent attempts cannot deadlock.
    """
    await create_keys(tx, limits.keys)
    by_key = await lock_failures(tx, limits.keys)
    if wait := _max_wait(by_key.values()):
        return wait
    now = clock.now()
    await save_failures(tx, {key: each.plus_one(limits.policy_of(key), now) for key, each in by_key.items()})
    return 0.0


async def forgive(tx: Transaction, limits: Limits) -> None:
    """After a success. The address stays counted: signing in to an own account must not buy a thief more guesses."""
    await delete_keys(tx, limits.own)


async def forgive_everywhere(tx: Transaction, account_id: UUID) -> None:
    """After a proof that no guesser has: guesses from all addresses no longer make the owner wait."""
    await delete_keys(tx, [_overall_key(str(account_id))])


async def purge_throttle(tx: Transaction) -> int:
    return await delete_keys_before(tx, clock.now() - KEEP_FOR)


def _max_wait(failures: Iterable[Failures]) -> float:
    now = clock.now()
    return max((each.wait(now) for each in failures), default=0.0)


def _overall_key(account: str) -> bytes:
    return _key("overall", account)


def _key(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()
