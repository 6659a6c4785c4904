"""The gateway alone, against nginx: the same upstream and load, runs in turn, medians."""

import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench import gateways, nginx, wrk
from bench.child import TREE
from bench.context import BenchContext
from bench.load import Result
from bench.procfs import CpuMeter, tree
from bench.rows import Reference, Row, missing, rate
from common.testing.tokens import TestIssuer
from dukan.ports import free_port

ROUNDS = 3
CONNECTIONS = 32
CHECKED_PATH = "/api/v1/orders"
PUBLIC_PATH = "/api/v1/products?page_size=20"

DIRECT = "upstream directly"
PLAIN = "nginx, plain proxy"
CHECKING = "nginx, auth_request to a Python JWT check"
GATEWAY = "gateway, JWT checked"
PUBLIC = "gateway, cached public GET"
PUBLIC_PLAIN = "nginx, plain proxy, the same public GET"


@dataclass
class Variant:
    """One route to the upstream; `pids` are its processes, without the upstream."""

    name: str
    url: str
    path: str
    headers: Mapping[str, str]
    pids: Sequence[int]
    results: list[Result] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        meter = CpuMeter({"proxy": self.pids})
        result = await wrk.get(self.name, self.url, [self.path], self.headers, seconds=seconds, connections=CONNECTIONS)
        self.results.append(result)
        # The warm-up second is in the meter but not among the requests.
        share = seconds / (seconds + wrk.WARM_UP_SECONDS) if wrk.installed() else 1 / 1.1
        self.cpu.append(meter.per(result.requests)["total"] * share)

    @property
    def median(self) -> Result:
        """The median run by rate."""
        return sorted(self.results, key=lambda result: result.rate)[len(self.results) // 2]

    @property
    def p99(self) -> float:
        return statistics.median(result.p99 for result in self.results)

    def row(self, reference: "Variant | None" = None, target: float | None = None) -> Row:
        compared = Reference(reference.name, reference.median.rate) if reference else None
        rates = [round(result.rate, 1) for result in self.results]
        detail = {"cpu_us_each": round(statistics.median(self.cpu), 1), "runs": rates}
        return rate(self.name, self.median, detail=detail, reference=compared, target=target)


async def gateway(context: BenchContext) -> AsyncIterator[Row]:
    """Rows of the gateway and of its references."""
    with ExitStack() as stack:
        variants = stack.enter_context(_variants(context))
        for _ in range(ROUNDS):
            for variant in variants.values():
                await variant.run(max(1.0, context.seconds / 2))
        cached = await _is_cached(variants[PUBLIC].url)
    for row in _compared(variants):
        yield row
    if not cached:
        yield missing("gateway, cache", "", "the second public GET was not answered from the cache: it was proxied")


def _compared(variants: Mapping[str, Variant]) -> Iterator[Row]:
    yield variants[DIRECT].row()
    own, public = variants[GATEWAY], variants[PUBLIC]
    plain, checking = variants.get(PLAIN), variants.get(CHECKING)
    yield own.row(variants[DIRECT])
    if plain is None or checking is None:
        yield missing("gateway against nginx", "requests/s", "nginx is not installed")
        return
    yield plain.row(variants[DIRECT])
    yield checking.row(variants[DIRECT])
    yield own.row(checking, target=1.0)
    yield own.row(plain, target=0.65)
    yield public.row(variants[PUBLIC_PLAIN], target=0.8)
    for other in (checking, plain):
        compared = Reference(f"p99 of {other.name}", other.p99)
        yield Row("p99 of the gateway, JWT checked", own.p99, "ms", compared, target=2.0, at_most=True)
    cpu = Reference(f"CPU of {checking.name}", statistics.median(checking.cpu))
    yield Row("CPU of the gateway per request", statistics.median(own.cpu), "µs", cpu)


@contextmanager
def _variants(context: BenchContext) -> Iterator[dict[str, Variant]]:
    """Starts everything and waits until it responds; ends it after the block."""
    issuer, folder = TestIssuer(), context.folder("gateway")
    bearer = issuer.bearer()
    with ExitStack() as stack:
        upstream, check = free_port(), free_port()
        _program(stack, folder, "upstream", {"port": upstream, "jwks": {"keys": [issuer.jwk()]}})
        checker = _program(stack, folder, "jwt_check", {"port": check, "jwk": issuer.jwk()})
        direct = f"http://127.0.0.1:{upstream}"
        base, gateway_pid = gateways.start(stack, folder, gateways.all_at(direct), context.broker)
        gateways.await_answer(direct + CHECKED_PATH, {})
        gateways.await_answer(f"http://127.0.0.1:{check}/check", bearer)
        gateways.await_answer(base + CHECKED_PATH, bearer)
        own = tree(gateway_pid)
        found = [
            Variant(DIRECT, direct, CHECKED_PATH, bearer, []),
            Variant(GATEWAY, base, CHECKED_PATH, bearer, own),
            Variant(PUBLIC, base, PUBLIC_PATH, {}, own),
        ]
        if program := nginx.installed():
            server = stack.enter_context(nginx.serving(program, folder, upstream=upstream, check=check))
            # The workers are all there when one has responded.
            gateways.await_answer(server.checking + CHECKED_PATH, bearer)
            pids = tree(server.pid)
            found += [
                Variant(PLAIN, server.plain, CHECKED_PATH, bearer, pids),
                Variant(CHECKING, server.checking, CHECKED_PATH, bearer, [*pids, checker]),
                Variant(PUBLIC_PLAIN, server.plain, PUBLIC_PATH, {}, pids),
            ]
        yield {variant.name: variant for variant in found}


def _program(stack: ExitStack, folder: Path, module: str, arguments: dict[str, object]) -> int:
    command = [sys.executable, "-m", f"bench.processes.{module}", json.dumps(arguments)]
    return gateways.start_program(stack, command, folder / f"{module}.log", os.environ | {"PYTHONPATH": str(TREE)}).pid


async def _is_cached(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        answers = [await client.get(url + PUBLIC_PATH) for _ in range(2)]
    return "hit" in answers[-1].headers.get("x-cache", "").lower()
