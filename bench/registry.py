"""All scenarios, in the order that disturbs least: first those without a platform, growth last."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.context import BenchContext
from bench.rows import Row
from bench.scenarios.backlog import backlog
from bench.scenarios.bus import bus
from bench.scenarios.checkout import accepted, confirmed
from bench.scenarios.enumeration import enumeration
from bench.scenarios.gateway import gateway
from bench.scenarios.growth import growth
from bench.scenarios.latency import latency
from bench.scenarios.login import login
from bench.scenarios.memory import memory
from bench.scenarios.reads import reads
from bench.scenarios.revocation import revocation
from bench.scenarios.startup import startup
from bench.scenarios.streams import streams
from bench.scenarios.sustained import sustained


@dataclass(frozen=True, slots=True)
class Scenario:
    """`needs_broker`: not for embedded mode, and not where no RabbitMQ is available."""

    about: str
    run: Callable[[BenchContext], AsyncIterator[Row]]
    needs_broker: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "gateway": Scenario("the gateway against nginx", gateway, needs_broker=True),
    "streams": Scenario("100 MB each way and 500 streams through one gateway", streams, needs_broker=True),
    "bus": Scenario("relay and consumers against raw aio-pika and Celery", bus, needs_broker=True),
    "latency": Scenario("time from commit to handler, idle and at half load", latency, needs_broker=True),
    "backlog": Scenario("a long outbox drained", backlog, needs_broker=True),
    "startup": Scenario("time until `dukan up` is ready", startup),
    "reads": Scenario("product list and detail, with and without the gateway's cache", reads),
    "revocation": Scenario("time from a sign-out until two gateways reject the token", revocation, needs_broker=True),
    "login": Scenario("sign-ins, and the latency of auth's health check meanwhile", login),
    "enumeration": Scenario("whether response times reveal accounts", enumeration),
    "accepted": Scenario("checkouts accepted", accepted),
    "confirmed": Scenario("checkouts confirmed, each customer with one at a time", confirmed),
    "sustained": Scenario("checkouts confirmed at a steady rate", sustained),
    "memory": Scenario("memory of each process after the load", memory),
    "growth": Scenario("product list, search and detail as the catalogue grows", growth),
}


def selected(names: str | None, mode: str) -> Sequence[str]:
    """The named scenarios, separated by commas, else all that apply. Raises ValueError naming an unknown one."""
    if names is None:
        return [name for name, scenario in SCENARIOS.items() if mode == "processes" or not scenario.needs_broker]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in SCENARIOS]:
        raise ValueError(f"there is no scenario {unknown[0]!r}: choose from {', '.join(SCENARIOS)}")
    return [name for name in SCENARIOS if name in wanted]
