"""One run: calm, faults, calm again, rest, and then the comparison of what was told with what is."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from dukan.services import SERVICES
from tests.chaos.faults import Fault, NotInjectedError, Stage
from tests.chaos.invariants import IN_CHECKOUT, Verdict, verdicts
from tests.chaos.ledger import Ledger
from tests.chaos.market import PLENTY, ask_all, open_market
from tests.chaos.recovery import Probes
from tests.chaos.report import Report, Struck
from tests.chaos.schedule import Strike, strikes
from tests.chaos.stage import opened
from tests.chaos.traffic import Traffic

WARM_SECONDS = 3.0
CALM_SHARE, SHORTEST_CALM, LONGEST_CALM = 0.1, 8.0, 30.0
BACKLOG_SECONDS = 90.0
ANSWER_SECONDS = 260.0
REST_SECONDS = 240.0
KEPT_UP = 0.7
OPEN = "SELECT count(*) AS n FROM orders WHERE created_at <= now() - $1::interval AND status = ANY($2::text[])"
PENDING = """
SELECT count(*) AS n FROM outbox
WHERE published_at IS NULL AND dead_at IS NULL AND created_at <= now() - $1::interval
"""
CONFIRMED = "orders.order.confirmed.v1"


@dataclass(frozen=True)
class Plan:
    seed: int
    minutes: float
    rate: float
    faults: Sequence[Fault]

    @property
    def calm(self) -> float:
        """Seconds that the throughput is measured without faults, before and after them."""
        return min(LONGEST_CALM, max(SHORTEST_CALM, CALM_SHARE * self.minutes * 60))


@dataclass
class Run:
    """The state of a run; whoever shows it live reads it from here."""

    plan: Plan
    stage: Stage
    ledger: Ledger
    traffic: Traffic
    probes: Probes
    tell: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    phase: str = "warming up"
    struck: list[Struck] = field(default_factory=list)

    async def disturb(self) -> Verdict:
        """Load all the time, faults in the middle of it; the verdict on the throughput."""
        load = asyncio.create_task(self.traffic.run(), name="load")
        try:
            await asyncio.sleep(WARM_SECONDS)
            before = await self._calm("calm before")
            await self._strike_until(self.began + self.plan.minutes * 60 - self.plan.calm)
            await self._catch_up()
            after = await self._calm("calm after")
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        return kept_up(before, after, self.stage)

    async def _calm(self, phase: str) -> tuple[float, float]:
        self.phase = phase
        since = time.monotonic()
        await asyncio.sleep(self.plan.calm)
        return since, time.monotonic()

    async def _strike_until(self, end: float) -> None:
        for strike in strikes(self.plan.seed, self.plan.faults):
            self.phase = "peace"
            await asyncio.sleep(min(strike.pause, max(0.0, end - time.monotonic())))
            if time.monotonic() >= end:
                return
            await self._strike(strike)

    async def _strike(self, strike: Strike) -> None:
        self.phase = strike.fault.name
        at, error, recovery = time.monotonic(), "", None
        try:
            await strike.fault.strike(self.stage, strike.rng)
        except NotInjectedError as reason:
            error = str(reason)
        except Exception as failure:
            error = repr(failure)
        held = time.monotonic() - at
        self.phase = f"{strike.fault.name}: recovering"
        recovery = await self.probes.recovery()
        struck = Struck(strike.fault.name, at - self.began, held, None if error else recovery, error)
        self.struck.append(struck)
        self.tell(_line(struck))

    async def _catch_up(self) -> None:
        """Until no more checkouts are open than a calm platform has, a bounded time."""
        self.phase = "catching up"
        await self._until_done(older_than=5, within=BACKLOG_SECONDS)

    async def settle(self) -> None:
        """Everybody has an answer, everything is at rest, and every customer asks how it ended."""
        self.phase = "answers"
        await asyncio.gather(self.traffic.finish(ANSWER_SECONDS), self.probes.finish(ANSWER_SECONDS))
        self.phase = "rest"
        await self._until_done(older_than=0, within=REST_SECONDS)
        self.phase = "asking"
        await ask_all(self.ledger, [*self.traffic.shoppers, self.stage.customer])

    async def _until_done(self, older_than: float, within: float) -> None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not await backlog(self.stage, older_than):
                return
            await asyncio.sleep(0.5)


async def backlog(stage: Stage, older_than: float) -> int:
    """Checkouts that have not ended and events that have not been published, if they are that old (seconds)."""
    since = timedelta(seconds=older_than)
    rows = await stage.sql("orders", OPEN, since, list(IN_CHECKOUT))
    for service in SERVICES:
        rows += await stage.sql(service, PENDING, since)
    return sum(row["n"] for row in rows)


def kept_up(before: tuple[float, float], after: tuple[float, float], stage: Stage) -> Verdict:
    """Confirmations per second in the calm after the faults against the calm before them."""
    verdict = Verdict(6, "throughput is back without a restart by hand")
    then, now = (stage.record.count(CONFIRMED, *window) / (window[1] - window[0]) for window in (before, after))
    verdict.check(now >= KEPT_UP * then, f"{then:.1f} confirmed per second before the faults, {now:.1f} after them")
    return verdict


async def run(plan: Plan, folder: Path, tell: Callable[[str], None], watch: Callable[[Run], None]) -> Report:
    """`tell` is given a line per fault, `watch` the run as soon as it begins."""
    tell(f"seed {plan.seed}: a broker, a database server and the platform are starting")
    async with opened(folder) as stage:
        current = await _prepare(plan, stage, tell)
        watch(current)
        throughput = await current.disturb()
        tell("the faults are over, waiting for rest")
        await current.settle()
        tell("everybody has asked how it ended, comparing")
        current.phase = "comparing"
        found = await _at_rest(current)
        return _report(current, [*found, throughput])


async def _prepare(plan: Plan, stage: Stage, tell: Callable[[str], None]) -> Run:
    traffic = await open_market(stage.shop, Random(f"{plan.seed}/traffic"), plan.rate)
    traffic.ledger.stocked[stage.product] = PLENTY
    return Run(plan, stage, traffic.ledger, traffic, Probes(stage, traffic.ledger), tell)


async def _at_rest(current: Run) -> Sequence[Verdict]:
    """The verdicts once nothing changes any more: what is still on its way is no breach yet."""
    deadline = time.monotonic() + REST_SECONDS / 4
    while True:
        found = await verdicts(current.stage.shop, current.ledger, current.stage.record, current.stage.planted)
        if time.monotonic() > deadline or not any(verdict.breaches for verdict in found):
            return found
        await asyncio.sleep(2)
        await ask_all(current.ledger, [*current.traffic.shoppers, current.stage.customer])


def _report(current: Run, found: Sequence[Verdict]) -> Report:
    plan, ledger = current.plan, current.ledger
    names = {struck.name for struck in current.struck}
    statuses = ledger.statuses()
    orders = {
        "placed": len(ledger.placed),
        "confirmed": statuses["confirmed"],
        "cancelled": statuses["cancelled"],
        "open": sum(1 for _ in ledger.unfinished()),
        "lost": sum("lost" in breach for breach in found[0].breaches),
        "doubled": sum(len(checkout.answers) > 1 for checkout in ledger.checkouts),
        "never answered": sum(bool(checkout.failure) for checkout in ledger.checkouts),
    }
    copies = current.stage.record.copies
    notes: dict[str, float | int] = {
        "events": len(copies),
        "sent_more_than_once": sum(times > 1 for times in copies.values()),
    }
    left_out = [fault.name for fault in plan.faults if fault.name not in names]
    return Report(plan.seed, plan.minutes, plan.rate, current.struck, left_out, orders, found, notes)


def _line(struck: Struck) -> str:
    if struck.error:
        return struck.failure
    recovered = "no recovery" if struck.recovery is None else f"recovered in {struck.recovery:.1f} s"
    return f"{struck.at:6.0f} s  {struck.name}, held {struck.held:.1f} s, {recovered}"
