"""Failed sign-ins, counted in the database so that every process sees them."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self
from uuid import UUID

import asyncpg

from auth.domain.addresses import Address, neighbourhood
from auth.domain.throttle import PER_ACCOUNT, PER_FACTOR, Failures, Policy
from common import clock
from common.persistence.transaction import Transaction

WAIT = "SELECT max(blocked_until) FROM throttle WHERE key = ANY($1)"
CREATE = "INSERT INTO throttle (key) SELECT * FROM unnest($1::bytea[]) ORDER BY 1 ON CONFLICT DO NOTHING"
LOCK = "SELECT key, failures, last_at, blocked_until FROM throttle WHERE key = ANY($1) ORDER BY key FOR UPDATE"
STORE = "UPDATE throttle SET failures = $2, last_at = $3, blocked_until = $4 WHERE key = $1"
FORGIVE = "DELETE FROM throttle WHERE key = ANY($1)"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt counts against: the account from this address, this address, and with a code the account's
    second factor from anywhere, which only those come to who know the password."""

    account: bytes
    address: bytes
    per_address: Policy
    factor: bytes | None = None

    def of_factor(self, account_id: UUID) -> Self:
        return replace(self, factor=_key("factor", str(account_id)))

    @property
    def own(self) -> list[bytes]:
        """All but the address."""
        return [self.account, self.factor] if self.factor else [self.account]

    @property
    def keys(self) -> list[bytes]:
        return sorted((*self.own, self.address))

    def policy_of(self, key: bytes) -> Policy:
        if key == self.factor:
            return PER_FACTOR
        return PER_ACCOUNT if key == self.account else self.per_address


def limits_of(identifier: str, address: Address, per_address: Policy) -> Limits:
    """Hashed, because people type passwords into the wrong field."""
    place = neighbourhood(address)
    return Limits(_key("account", identifier, place), _key("address", place), per_address)


async def wait_of(tx: Transaction, limits: Limits) -> float:
    """Seconds to wait before the next attempt; 0 when it may be made."""
    blocked_until = await tx.sql.fetchval(WAIT, limits.keys)
    return Failures(blocked_until=blocked_until).wait(clock.now())


async def settled_wait_of(tx: Transaction, limits: Limits, *, reserve: bool = False) -> float:
    """`wait_of` after those who are being judged at this moment: attempts made together are judged one by one.

    With `reserve` also when there was no failure before, for an attempt that may become one.
    """
    if reserve:
        await tx.sql.execute(CREATE, limits.keys)
    return _longest_wait(await tx.sql.fetch(LOCK, limits.keys))


async def count_failure(tx: Transaction, limits: Limits) -> float:
    """Count one more failure, unless the attempt came too early: then the seconds to wait, else 0.

    Takes its locks before any other of the transaction, so that concurrent attempts cannot deadlock.
    """
    await tx.sql.execute(CREATE, limits.keys)
    rows = await tx.sql.fetch(LOCK, limits.keys)
    if wait := _longest_wait(rows):
        return wait
    now = clock.now()
    for row in rows:
        failures = _failures(row).another(limits.policy_of(row["key"]), now)
        await tx.sql.execute(STORE, row["key"], failures.count, failures.last_at, failures.blocked_until)
    return 0.0


async def forgive(tx: Transaction, limits: Limits) -> None:
    """After a success. The address stays counted: a thief's own account must not buy more guesses."""
    await tx.sql.execute(FORGIVE, limits.own)


def _longest_wait(rows: list[asyncpg.Record]) -> float:
    now = clock.now()
    return max((_failures(row).wait(now) for row in rows), default=0.0)


def _failures(row: asyncpg.Record) -> Failures:
    return Failures(row["failures"], row["last_at"], row["blocked_until"])


def _key(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()
