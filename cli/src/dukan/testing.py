"""`dukan test`: the whole suite, with what it needs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dukan import screen
from dukan.broker import provision_broker
from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres

# More workers gain nothing: they would share one database server and one broker.
MOST_WORKERS = 4


def run(arguments: Sequence[str]) -> int:
    """Provision PostgreSQL and RabbitMQ, run pytest with `arguments` (none: everything), answer its exit code."""
    with (
        tempfile.TemporaryDirectory(prefix="dukan-test-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=False) as postgres,
        provision_broker(Path(folder) / "rabbitmq", screen.loudly) as amqp,
    ):
        # A server that runs as another user must get through.
        env = os.environ | {"DUKAN_TEST_POSTGRES_URL": postgres.url}
        env.pop("AMQP_URL", None)
        return _pytest(arguments, env | ({"AMQP_URL": amqp} if amqp else {}), broker=amqp is not None)


def _pytest(arguments: Sequence[str], env: dict[str, str], *, broker: bool) -> int:
    command = [sys.executable, "-m", "pytest"]
    if not broker:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            raise ProvisionError("CI needs a broker: no test may be left out there")
        screen.loudly("LEFT OUT: every test that needs a broker")
        command += ["-m", "not broker"]
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    if not arguments and workers > 1:
        command += ["-n", str(workers), "--dist", "loadfile"]
    return subprocess.run([*command, *arguments], env=env, cwd=os.environ.get("DUKAN_HOME"), check=False).returncode
