"""The resources of the scenarios, each created on first use and all released together."""

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

from bench import comparison_env
from bench.seed import SeedData, create_seed_data
from dukan.broker import provision_broker
from dukan.postgres import EmbeddedPostgres
from dukan.running_platform import RunningPlatform
from dukan.services import PORTS
from dukan.temporary import temporary_platform


class Unavailable(Exception):  # noqa: N818  (a state of this machine)
    """A resource that a scenario needs is not available here; one line for the report."""


@dataclass
class BenchContext:
    """`seconds` is how long each value is measured. `mode` is embedded, processes or given (a running platform)."""

    seconds: float
    mode: str
    stack: ExitStack
    tell: Callable[[str], None]
    confirmed_rate: float = 420.0
    sustained_seconds: float = 60.0
    search: bool = False
    given: RunningPlatform | None = None
    _shop: SeedData | None = field(default=None, init=False)

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        """A durable private server with the default settings."""
        return self.stack.enter_context(EmbeddedPostgres(self.folder("postgres")))

    @cached_property
    def broker(self) -> str:
        """The URL of a RabbitMQ broker. Raises Unavailable."""
        broker = self.stack.enter_context(provision_broker(self.folder("rabbitmq"), self.tell))
        if broker is None:
            raise Unavailable("no RabbitMQ is available here")
        return broker.url

    @cached_property
    def platform(self) -> RunningPlatform:
        """The platform under load, started now unless one was given."""
        if self.given is not None:
            return self.given
        self.tell(f"starting a platform ({self.mode}) …")
        options = [] if self.mode == "embedded" else ["--amqp", self.broker]
        return self.stack.enter_context(temporary_platform("--no-sample", *options))

    @cached_property
    def rivals(self) -> Path | None:
        """The Python of the comparison environment; None if it could not be created."""
        return comparison_env.python(self.tell)

    async def seed_data(self) -> SeedData:
        """The seed data of the platform, created once."""
        if self._shop is None:
            self._shop = await create_seed_data(self.platform)
        return self._shop

    def service_url(self, name: str) -> str:
        """The URL of a service of the platform, without the gateway."""
        base, _, port = self.platform.url.rpartition(":")
        return f"{base}:{int(port) + PORTS[name]}"

    def database_url(self, service: str) -> str:
        """The database of a service of the platform, as its own role. Raises Unavailable."""
        data = Path(self.platform.data)
        try:
            password = json.loads((data / "secrets.json").read_text())[f"dukan_{service}"]
            port = json.loads((data / "postgres" / "secrets.json").read_text())["port"]
        except (OSError, KeyError) as error:
            raise Unavailable(f"the platform keeps its databases elsewhere ({error})") from error
        return f"postgresql://dukan_{service}:{quote(password)}@127.0.0.1:{port}/dukan_{service}"

    def folder(self, name: str) -> Path:
        """A new empty folder that is removed with the context; another user's server may enter it."""
        path = Path(mkdtemp(prefix=f"dukan-bench-{name}-"))
        path.chmod(0o711)
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path
