"""`dukan test`: the test suite with its own PostgreSQL and RabbitMQ."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from dukan import screen
from dukan.broker import Broker, provision_broker
from dukan.children import tie_to_parent
from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres

WORKERS_PER_CPU = 2
"""Most tests wait: for the database, or for a platform in processes of its own."""
MAX_WORKERS = 8
SERIAL = [["-m", "broker", "--ignore=tests/chaos"], ["-m", "broker", "tests/chaos"]]


def run(arguments: Sequence[str]) -> int:
    """Provision PostgreSQL and RabbitMQ, run pytest with `arguments` (none: everything), return its exit code."""
    workers = min(MAX_WORKERS, WORKERS_PER_CPU * (os.cpu_count() or 1))
    vhosts = [*(f"test-gw{number}" for number in range(workers)), "test-platform", "test-observed", "test-kill"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dukan-test-")))
        folder.chmod(0o711)  # a database server that runs as another user must be able to enter
        broker = stack.enter_context(provision_broker(folder / "rabbitmq", screen.warn, vhosts))
        if broker is None and in_ci():
            raise ProvisionError("CI needs a broker: no test may be skipped there")
        if broker is None:
            screen.warn("SKIPPED: every test that needs a broker")
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        env = os.environ | {"DUKAN_TEST_POSTGRES_URL": postgres.url} | _broker_variables(broker)
        codes = [_pytest(each, env) for each in pytest_runs(arguments, broker, workers)]
        return next((code for code in codes if code != 0), 0)


def _broker_variables(broker: Broker | None) -> dict[str, str]:
    if broker is None:
        return {}
    return {"AMQP_URL": broker.url} | ({"DUKAN_TEST_VHOSTS": ",".join(broker.vhosts)} if broker.vhosts else {})


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_runs(arguments: Sequence[str], broker: Broker | None, workers: int) -> list[list[str]]:
    """The arguments of each run of pytest: the caller's, else everything in parallel.

    Each worker and each platform has a virtual host of its own, because the platform's queue names are fixed: two on
    one virtual host would consume each other's events and dead letters. On a broker where we cannot add virtual hosts,
    the tests that need it run without parallelism, and in two runs: the end-to-end tests' platform runs until the
    session ends.
    """
    without_broker = ["-m", "not broker"]
    if arguments:
        return [[*arguments, *([] if broker else without_broker)]]
    parallel = ["-n", str(workers), "--dist", "loadgroup", "--durations=30", "--durations-min=1"]
    if broker is None:
        return [[*parallel, *without_broker]]
    return [parallel] if broker.vhosts else [[*parallel, *without_broker], *SERIAL]


def _pytest(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    command = tie_to_parent([sys.executable, "-m", "pytest", *arguments])
    return subprocess.run(command, env=env, cwd=os.environ.get("DUKAN_HOME"), check=False).returncode
