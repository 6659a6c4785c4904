"""What the scenarios stand on, each part made when it is first asked for and all of it ended together."""

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

from bench import environment
from bench.shop import Shop, open_shop
from dukan.broker import provision_broker
from dukan.postgres import EmbeddedPostgres
from dukan.running_platform import RunningPlatform
from dukan.services import PORTS
from dukan.temporary import temporary_platform


class Unavailable(Exception):  # noqa: N818  (a state of this machine)
    """Something a scenario needs cannot be had here; one line for the report."""


@dataclass
class Stage:
    """`seconds` is how long each figure is measured. `mode` is embedded, processes or given (a running platform)."""

    seconds: float
    mode: str
    stack: ExitStack
    tell: Callable[[str], None]
    confirmed_rate: float = 420.0
    sustained_seconds: float = 60.0
    search: bool = False
    given: RunningPlatform | None = None
    _shop: Shop | None = field(default=None, init=False)

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        """A durable server of our own, with the settings that a user's has."""
        return self.stack.enter_context(EmbeddedPostgres(self.folder("postgres")))

    @cached_property
    def broker(self) -> str:
        """The URL of a RabbitMQ. Raises Unavailable."""
        url = self.stack.enter_context(provision_broker(self.folder("rabbitmq"), self.tell))
        if url is None:
            raise Unavailable("no RabbitMQ can be had here")
        return url

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
        """The Python of the environment that holds what we compare with; None where it could not be made."""
        return environment.python(self.tell)

    async def shop(self) -> Shop:
        """The platform's shop, stocked once."""
        if self._shop is None:
            self._shop = await open_shop(self.platform)
        return self._shop

    def service_url(self, name: str) -> str:
        """Where a service of the platform answers itself, past the gateway."""
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
        """A new empty folder that goes when the stage does; another user's server may pass through."""
        path = Path(mkdtemp(prefix=f"dukan-bench-{name}-"))
        path.chmod(0o711)
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path
