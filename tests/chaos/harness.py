"""One run: baseline, faults, baseline again, drain, and the comparison of responses with the databases."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from dukan.services import SERVICES
from tests.chaos.environment import run_environment
from tests.chaos.faults import Environment, Fault, NotInjectedError
from tests.chaos.invariants import IN_CHECKOUT, InvariantResult, check_invariants
from tests.chaos.ledger import Ledger
from tests.chaos.recovery import Probes
from tests.chaos.report import InjectedFault, Report
from tests.chaos.schedule import PlannedFault, planned_faults
from tests.chaos.traffic import Traffic
from tests.chaos.workload import PLENTY, prepare_traffic, query_all_orders

WARM_SECONDS = 3.0
CALM_SHARE, MIN_CALM, MAX_CALM = 0.1, 8.0, 30.0
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
        """How long the throughput is measured without faults, before and after them."""
        return min(MAX_CALM, max(MIN_CALM, CALM_SHARE * self.minutes * 60))


@dataclass
class Run:
    """The state of a run, which the live view reads."""

    plan: Plan
    environment: Environment
    ledger: Ledger
    traffic: Traffic
    probes: Probes
    tell: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    phase: str = "warming up"
    injected: list[InjectedFault] = field(default_factory=list)

    async def disturb(self) -> InvariantResult:
        """Constant load with faults in the middle of it; the result on the throughput."""
        load = asyncio.create_task(self.traffic.run(), name="load")
        try:
            await asyncio.sleep(WARM_SECONDS)
            before = await self._calm("calm before")
            await self._inject_until(self.began + self.plan.minutes * 60 - self.plan.calm)
            await self._catch_up()
            after = await self._calm("calm after")
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        return check_throughput(before, after, self.environment)

    async def _calm(self, phase: str) -> tuple[float, float]:
        self.phase = phase
        since = time.monotonic()
        await asyncio.sleep(self.plan.calm)
        return since, time.monotonic()

    async def _inject_until(self, end: float) -> None:
        for planned in planned_faults(self.plan.seed, self.plan.faults):
            self.phase = "no fault"
            await asyncio.sleep(min(planned.pause, max(0.0, end - time.monotonic())))
            if time.monotonic() >= end:
                return
            await self._inject(planned)

    async def _inject(self, planned: PlannedFault) -> None:
        self.phase = planned.fault.name
        at, error, recovery = time.monotonic(), "", None
        try:
            await planned.fault.inject(self.environment, planned.rng)
        except NotInjectedError as reason:
            error = str(reason)
        except Exception as failure:
            error = repr(failure)
        held = time.monotonic() - at
        self.phase = f"{planned.fault.name}: recovering"
        recovery = await self.probes.recovery()
        injected = InjectedFault(planned.fault.name, at - self.began, held, None if error else recovery, error)
        self.injected.append(injected)
        self.tell(_line(injected))

    async def _catch_up(self) -> None:
        """Wait until there are no more open checkouts than without faults, for a bounded time."""
        self.phase = "catching up"
        await self._until_done(older_than=5, within=BACKLOG_SECONDS)

    async def settle(self) -> None:
        """Wait until every request is answered and nothing is in progress, then query every order once more."""
        self.phase = "answers"
        await asyncio.gather(self.traffic.finish(ANSWER_SECONDS), self.probes.finish(ANSWER_SECONDS))
        self.phase = "rest"
        await self._until_done(older_than=0, within=REST_SECONDS)
        self.phase = "asking"
        await query_all_orders(self.ledger, [*self.traffic.customers, self.environment.customer])

    async def _until_done(self, older_than: float, within: float) -> None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not await backlog(self.environment, older_than):
                return
            await asyncio.sleep(0.5)


async def backlog(environment: Environment, older_than: float) -> int:
    """The number of checkouts in progress and of unpublished events that are at least this old (seconds)."""
    since = timedelta(seconds=older_than)
    rows = await environment.sql("orders", OPEN, since, list(IN_CHECKOUT))
    for service in SERVICES:
        rows += await environment.sql(service, PENDING, since)
    return sum(row["n"] for row in rows)


def check_throughput(
    before: tuple[float, float], after: tuple[float, float], environment: Environment
) -> InvariantResult:
    """Confirmations per second after the faults against those before them."""
    result = InvariantResult(6, "throughput is back without a restart by hand")
    then, now = (environment.record.count(CONFIRMED, *window) / (window[1] - window[0]) for window in (before, after))
    result.check(now >= KEPT_UP * then, f"{then:.1f} confirmed per second before the faults, {now:.1f} after them")
    return result


async def run(plan: Plan, folder: Path, tell: Callable[[str], None], watch: Callable[[Run], None]) -> Report:
    """`tell` receives a line per fault, `watch` receives the run when it begins."""
    tell(f"seed {plan.seed}: a broker, a database server and the platform are starting")
    async with run_environment(folder) as environment:
        current = await _prepare(plan, environment, tell)
        watch(current)
        throughput = await current.disturb()
        tell("the faults are over, waiting for rest")
        await current.settle()
        tell("everybody has asked how it ended, comparing")
        current.phase = "comparing"
        found = await _at_rest(current)
        return _report(current, [*found, throughput])


async def _prepare(plan: Plan, environment: Environment, tell: Callable[[str], None]) -> Run:
    traffic = await prepare_traffic(environment.platform, Random(f"{plan.seed}/traffic"), plan.rate)
    traffic.ledger.stocked[environment.product] = PLENTY
    return Run(plan, environment, traffic.ledger, traffic, Probes(environment, traffic.ledger), tell)


async def _at_rest(current: Run) -> Sequence[InvariantResult]:
    """The results once nothing changes any more: an event in transit is not a violation."""
    deadline = time.monotonic() + REST_SECONDS / 4
    while True:
        found = await check_invariants(
            current.environment.platform,
            current.ledger,
            current.environment.record,
            current.environment.direct_event_ids,
        )
        if time.monotonic() > deadline or not any(result.violations for result in found):
            return found
        await asyncio.sleep(2)
        await query_all_orders(current.ledger, [*current.traffic.customers, current.environment.customer])


def _report(current: Run, found: Sequence[InvariantResult]) -> Report:
    plan, ledger = current.plan, current.ledger
    names = {injected.name for injected in current.injected}
    statuses = ledger.statuses()
    orders = {
        "placed": len(ledger.placed),
        "confirmed": statuses["confirmed"],
        "cancelled": statuses["cancelled"],
        "open": sum(1 for _ in ledger.unfinished()),
        "lost": sum("lost" in breach for breach in found[0].violations),
        "doubled": sum(len(checkout.answers) > 1 for checkout in ledger.checkouts),
        "never answered": sum(bool(checkout.failure) for checkout in ledger.checkouts),
    }
    copies = current.environment.record.copies
    notes: dict[str, float | int] = {
        "events": len(copies),
        "sent_more_than_once": sum(times > 1 for times in copies.values()),
    }
    left_out = [fault.name for fault in plan.faults if fault.name not in names]
    return Report(plan.seed, plan.minutes, plan.rate, current.injected, left_out, orders, found, notes)


def _line(injected: InjectedFault) -> str:
    if injected.error:
        return injected.failure
    recovered = "no recovery" if injected.recovery is None else f"recovered in {injected.recovery:.1f} s"
    return f"{injected.at:6.0f} s  {injected.name}, held {injected.held:.1f} s, {recovered}"
