"""Whether the response time distinguishes a known e-mail address from an unknown one, at auth itself."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from bench.context import BenchContext
from bench.rows import Row
from bench.wire import Connection, request
from dukan.services import PORTS
from dukan.temporary import temporary_platform

SAMPLES = 400
WARM_UP = 5
AT_ONCE = 4
CLEAR = 6.0
"""Percentage points from 50: three standard deviations of the random deviation for 400 against 400."""

PASSWORD = "correct horse battery staple"
ACTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "sign-in with a wrong password": ("/auth/login", {"password": "no password of anybody"}),
    "registration": ("/auth/register", {"password": PASSWORD}),
    "asking for a reset": ("/auth/otp/send", {"purpose": "reset_password"}),
    "a guessed code": ("/auth/otp/verify", {"code": "000000"}),
    "asking for a confirmation": ("/auth/email/confirmation", {}),
    "check-email": ("/auth/check-email", {}),
}


async def enumeration(context: BenchContext) -> AsyncIterator[Row]:
    """For each operation, how often the slower of two responses is for the known address: 50 % if they are alike."""
    context.tell("starting a platform that does not tell who has an account …")
    with temporary_platform("--no-sample", environment={"DUKAN_REVEALS_ACCOUNT_EXISTENCE": "false"}) as platform:
        base, _, port = platform.url.rpartition(":")
        url = f"{base}:{int(port) + PORTS['auth']}"
        known = await _registered(url, SAMPLES)
        for act, (path, body) in ACTS.items():
            # Registration makes an unknown address a known one.
            unknown = [_address() for _ in known]
            yield _row(act, await _times(url, path, body, known, unknown))


async def _registered(url: str, count: int) -> list[str]:
    """Addresses of new customers."""
    addresses = [_address() for _ in range(count)]
    waiting = iter(addresses)

    async def register() -> None:
        client = await Connection.open(url)
        for address in waiting:
            status, answer = await client.send(_asked("/auth/register", {"email": address, "password": PASSWORD}))
            assert status == 201, answer
        client.close()

    await asyncio.gather(*(register() for _ in range(AT_ONCE)))
    return addresses


async def _times(
    url: str, path: str, body: Mapping[str, Any], known: Sequence[str], unknown: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Milliseconds for each known and each unknown address, requested in pairs and in random order."""
    taken: tuple[list[float], list[float]] = ([], [])
    statuses: set[int] = set()
    pairs = iter(zip(known, unknown, strict=True))

    async def ask() -> None:
        client = await Connection.open(url)
        for _ in range(WARM_UP):
            await client.send(_asked(path, {**body, "email": _address()}))
        for pair in pairs:
            for which in random.sample((0, 1), 2):
                asked = _asked(path, {**body, "email": pair[which]})
                sent = time.perf_counter()
                status, _ = await client.send(asked)
                taken[which].append((time.perf_counter() - sent) * 1000)
                statuses.add(status)
        client.close()

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    assert len(statuses) == 1, f"{path} answers {statuses}"
    return taken


def _row(act: str, taken: tuple[Sequence[float], Sequence[float]]) -> Row:
    known, unknown = taken
    slower = 100 * _share_of_slower(known, unknown)
    detail = {
        "slower_is_the_known_one_of_100": round(slower, 1),
        "known_ms": _spread(known),
        "unknown_ms": _spread(unknown),
    }
    return Row(f"told by {act}", abs(slower - 50), "points from 50", target=CLEAR, at_most=True, detail=detail)


def _share_of_slower(ones: Sequence[float], others: Sequence[float]) -> float:
    """The probability that one of `ones` is larger than one of `others` (Mann-Whitney U divided by all pairs)."""
    ordered = sorted([(value, True) for value in ones] + [(value, False) for value in others])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ordered, 1) if is_one)
    return (ranks - len(ones) * (len(ones) + 1) / 2) / (len(ones) * len(others))


def _spread(values: Sequence[float]) -> dict[str, float]:
    p5, *_, p95 = statistics.quantiles(values, n=20)
    return {"p5": round(p5, 2), "p50": round(statistics.median(values), 2), "p95": round(p95, 2)}


def _asked(path: str, body: Mapping[str, Any]) -> bytes:
    """From its own address, so that no rate limit responds instead of auth."""
    place = ".".join(str(random.randrange(1, 255)) for _ in range(3))
    return request("POST", f"/api/v1{path}", {"X-Forwarded-For": f"10.{place}"}, dict(body))


def _address() -> str:
    return f"bench-{uuid4().hex[:16]}@example.com"
