"""`dukan test`: the whole suite, with what it needs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from dukan import screen
from dukan.broker import provision_broker
from dukan.children import leashed
from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres

# More workers gain nothing: they would share one database server and one broker.
MOST_WORKERS = 4


def run(arguments: Sequence[str]) -> int:
    """Provision PostgreSQL and RabbitMQ, run pytest with `arguments` (none: everything), answer its exit code."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dukan-test-")))
        folder.chmod(0o711)  # a database server that runs as another user must get through
        amqp = stack.enter_context(provision_broker(folder / "rabbitmq", screen.loudly))
        if amqp is None and in_ci():
            raise ProvisionError("CI needs a broker: no test may be left out there")
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        given = {"DUKAN_TEST_POSTGRES_URL": postgres.url} | ({"AMQP_URL": amqp} if amqp else {})
        command = leashed([sys.executable, "-m", "pytest", *options(arguments, broker=amqp is not None)])
        return subprocess.run(command, env=os.environ | given, cwd=os.environ.get("DUKAN_HOME"), check=False).returncode


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def options(arguments: Sequence[str], *, broker: bool) -> list[str]:
    """pytest's arguments: what the caller says, in parallel when that is nothing, and without a broker loudly less."""
    chosen = list(arguments)
    if not broker:
        screen.loudly("LEFT OUT: every test that needs a broker")
        chosen += ["-m", "not broker"]
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    if not arguments and workers > 1:
        chosen += ["-n", str(workers), "--dist", "loadgroup"]
    return chosen
