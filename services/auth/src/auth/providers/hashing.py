"""Argon2id, off the event loop and within bounds (OWASP's second choice: 19 MiB, two passes, one lane)."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import Unavailable

R = TypeVar("R")

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
NICENESS = 10
MOST_WAITING = 500
"""At 18 ms each on two cores that is five seconds of work; whoever comes after would have left before the answer."""


@dataclass(frozen=True, slots=True)
class Verification:
    """`is_outdated`: right, but hashed with parameters that are no longer ours."""

    matches: bool
    is_outdated: bool = False


class PasswordHashing:
    """As many threads as cores: argon2 releases the GIL and fills a core, so more would gain nothing."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2", initializer=_give_way)
        self._waiting = 0
        # Accounts that do not exist cost the same work as those that do.
        self._nobody = self._argon2.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The PHC string to store. Raises Unavailable when too many wait already."""
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> Verification:
        """Compare; without a hash it takes as long, and never matches."""
        return await self._run(lambda: self._verify(password_hash, password))

    def _verify(self, password_hash: str | None, password: str) -> Verification:
        try:
            self._argon2.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return Verification(matches=False)
        if password_hash is None:
            return Verification(matches=False)
        return Verification(True, self._argon2.check_needs_rehash(password_hash))

    async def _run(self, work: Callable[[], R]) -> R:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many people are signing in at this moment", code="sign_in_busy", retry_after=5)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    """Let whoever has an answer to send go first: this thread holds a core for 18 ms at a time.

    Linux alone gives a thread a priority of its own; elsewhere the threads share their process's.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
