"""Argon2id, off the event loop and with a bounded queue (OWASP's second choice: 19 MiB, two passes, one lane)."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.errors import SignInBusy
from auth.passwords.domain import Verification

R = TypeVar("R")

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
NICENESS = 10
MAX_PENDING = 500
"""At 18 ms each on two cores that is five seconds of work; a later caller would leave before the response."""


class PasswordHashing:
    """As many threads as cores: argon2 releases the GIL and occupies a core, so more threads would gain nothing."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "argon2", initializer=_lower_priority)
        self._pending = 0
        # Unknown accounts cost the same work as existing ones.
        self._dummy_hash = self._argon2.hash("no account has this password")

    async def hash(self, password: str) -> str:
        """The PHC string to store. Raises SignInBusy if too many calls are pending."""
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> Verification:
        """Without a hash it takes as long, and never matches. Raises SignInBusy."""
        return await self._run(lambda: self._verify(password_hash, password))

    def _verify(self, password_hash: str | None, password: str) -> Verification:
        try:
            self._argon2.verify(password_hash or self._dummy_hash, password)
        except (VerificationError, InvalidHashError):
            return Verification(matches=False)
        if password_hash is None:
            return Verification(matches=False)
        return Verification(True, self._argon2.check_needs_rehash(password_hash))

    async def _run(self, work: Callable[[], R]) -> R:
        if self._pending >= MAX_PENDING:
            raise SignInBusy
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lower_priority() -> None:
    """The event loop goes first: a hash occupies a core for 18 ms at a time.

    Only Linux gives each thread its own priority; elsewhere threads share that of their process.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
