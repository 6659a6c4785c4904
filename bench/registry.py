"""What can be measured, in the order that disturbs least: first without a platform, then on one, growth last."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.rows import Row
from bench.scenarios.backlog import backlog
from bench.scenarios.bus import bus
from bench.scenarios.checkout import accepted, confirmed
from bench.scenarios.enumeration import enumeration
from bench.scenarios.gateway import gateway
from bench.scenarios.growth import growth
from bench.scenarios.lasting import lasting
from bench.scenarios.latency import latency
from bench.scenarios.login import login
from bench.scenarios.memory import memory
from bench.scenarios.reads import reads
from bench.scenarios.revocation import revocation
from bench.scenarios.startup import startup
from bench.scenarios.sustained import sustained
from bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Scenario:
    """`needs_broker`: it means nothing in embedded mode, and nothing can be measured where no RabbitMQ is to be had."""

    about: str
    run: Callable[[Stage], AsyncIterator[Row]]
    needs_broker: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "gateway": Scenario("the gateway against nginx", gateway, needs_broker=True),
    "lasting": Scenario("100 MB each way and 500 streams through one gateway", lasting, needs_broker=True),
    "bus": Scenario("relay and consumers against raw aio-pika and Celery", bus, needs_broker=True),
    "latency": Scenario("from commit to handler, idle and at half load", latency, needs_broker=True),
    "backlog": Scenario("a long outbox drained", backlog, needs_broker=True),
    "startup": Scenario("time until `dukan up` is ready", startup),
    "reads": Scenario("product list and detail, with the gateway's cache and past it", reads),
    "revocation": Scenario("a sign-out until two gateways refuse", revocation, needs_broker=True),
    "login": Scenario("sign-ins, with auth's health asked meanwhile", login),
    "enumeration": Scenario("whether the time of an answer tells who has an account", enumeration),
    "accepted": Scenario("checkouts taken in", accepted),
    "confirmed": Scenario("checkouts confirmed, each customer waiting for his", confirmed),
    "sustained": Scenario("checkouts confirmed at a steady rate", sustained),
    "memory": Scenario("memory of each process after the load", memory),
    "growth": Scenario("product list, search and detail as the catalogue grows", growth),
}


def chosen(names: str | None, mode: str) -> Sequence[str]:
    """The names asked for, separated by commas, else all that mean something. Raises ValueError naming a wrong one."""
    if names is None:
        return [name for name, scenario in SCENARIOS.items() if mode == "processes" or not scenario.needs_broker]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in SCENARIOS]:
        raise ValueError(f"there is no scenario {unknown[0]!r}: choose of {', '.join(SCENARIOS)}")
    return [name for name in SCENARIOS if name in wanted]
