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
from dukan.children import tie_to_parent
from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres

# More workers gain nothing: they would share one database server.
MAX_WORKERS = 4


def run(arguments: Sequence[str]) -> int:
    """Provision PostgreSQL and RabbitMQ, run pytest with `arguments` (none: everything), answer its exit code."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dukan-test-")))
        folder.chmod(0o711)  # a database server that runs as another user must get through
        amqp = stack.enter_context(provision_broker(folder / "rabbitmq", screen.warn))
        if amqp is None and in_ci():
            raise ProvisionError("CI needs a broker: no test may be left out there")
        if amqp is None:
            screen.warn("LEFT OUT: every test that needs a broker")
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        given = {"DUKAN_TEST_POSTGRES_URL": postgres.url} | ({"AMQP_URL": amqp} if amqp else {})
        codes = [_pytest(chosen, os.environ | given) for chosen in rounds(arguments, broker=amqp is not None)]
        return next((code for code in codes if code != 0), 0)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def rounds(arguments: Sequence[str], *, broker: bool) -> list[list[str]]:
    """pytest's arguments, round by round: what the caller says, else everything.

    Everything is two rounds, in parallel what needs no broker and then, alone, what does: its queues bear the
    platform's own names, so two users of one broker would take each other's events.
    """
    without_broker = ["-m", "not broker"]
    if arguments:
        return [[*arguments, *([] if broker else without_broker)]]
    workers = min(MAX_WORKERS, os.cpu_count() or 1)
    in_parallel = ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []
    return [[*without_broker, *in_parallel], *([["-m", "broker"]] if broker else [])]


def _pytest(arguments: Sequence[str], env: dict[str, str]) -> int:
    command = tie_to_parent([sys.executable, "-m", "pytest", *arguments])
    return subprocess.run(command, env=env, cwd=os.environ.get("DUKAN_HOME"), check=False).returncode
