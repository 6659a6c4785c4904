"""A private RabbitMQ node, started from an installed server without changing the system's configuration."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from dukan.children import end, spawn, wait_until
from dukan.errors import ProvisionError
from dukan.ports import free_port

# Debian's /usr/sbin/rabbitmq-server is a wrapper that switches to the system's user and folders.
DEBIAN_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USUAL_FOLDERS = "/usr/local/sbin:/opt/homebrew/sbin:/usr/sbin"
BOOT_SECONDS = 60.0
STOP_SECONDS = 15.0
CONTROL_SECONDS = 60.0
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"


def installed_server() -> Path | None:
    """The server's start script: Debian's real one, else the one on PATH."""
    if DEBIAN_SERVER.exists():
        return DEBIAN_SERVER
    found = shutil.which("rabbitmq-server") or shutil.which("rabbitmq-server", path=USUAL_FOLDERS)
    return Path(found) if found else None


def answers(url: str, within: float = 2.0) -> bool:
    """Whether a broker speaks AMQP 0-9-1 at `url` (over TLS: accepts); a booting node only has its port open."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "amqps"
        with socket.create_connection(
            (parts.hostname or "localhost", parts.port or (5671 if secure else 5672)), within
        ) as link:
            link.sendall(b"" if secure else PROTOCOL_HEADER)
            return secure or link.recv(1) == b"\x01"
    except (OSError, ValueError):
        return False


class PrivateRabbit:
    """One node on 127.0.0.1 with its own name, ports, cookie and data; it ends with this process."""

    def __init__(self, folder: Path, port: int | None = None, server: Path | None = None, password: str | None = None):
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._server = server or installed_server()
        self._password = password or secrets.token_urlsafe(18)
        self._children: list[subprocess.Popen[bytes]] = []
        self._epmd_port = 0

    @property
    def url(self) -> str:
        return f"amqp://guest:{self._password}@127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        """The pid of the node itself."""
        return self._children[-1].pid

    def start(self) -> Self:
        if self._server is None:
            raise ProvisionError("no rabbitmq-server is installed here")
        self._prepare_folder()
        self._epmd_port = free_port()
        env = self.environment()
        with (self.folder / "node.log").open("ab") as log:
            # The node would start epmd as a daemon, which would outlive it.
            if epmd := shutil.which("epmd"):
                self._children.append(spawn([epmd], log, env))
            self._children.append(spawn([str(self._server), "-noinput"], log, env))
        if not wait_until(lambda: answers(self.url) or self._ended, BOOT_SECONDS, every=0.2) or self._ended:
            self.stop()
            raise ProvisionError(f"RabbitMQ did not start on port {self.port}; see {self.folder / 'node.log'}")
        return self

    def add_vhosts(self, names: Sequence[str]) -> None:
        """Add virtual hosts for the same user; one call, because each start of rabbitmqctl takes two seconds."""
        listed = ", ".join(f'<<"{name}">>' for name in names)
        add = (
            "rabbit_vhost:add(V, <<>>), "
            'rabbit_auth_backend_internal:set_permissions(<<"guest">>, V, <<".*">>, <<".*">>, <<".*">>, <<>>)'
        )
        if names:
            self.control("eval", f"[begin {add} end || V <- [{listed}]].")

    def control(self, *arguments: str) -> str:
        """The output of rabbitmqctl. Raises ProvisionError if it fails."""
        beside = self._server.with_name("rabbitmqctl") if self._server else None
        program = str(beside) if beside and beside.exists() else shutil.which("rabbitmqctl")
        if program is None:
            raise ProvisionError("there is no rabbitmqctl")
        command = [program, *arguments]
        try:
            done = subprocess.run(
                command, env=self.environment(), capture_output=True, text=True, timeout=CONTROL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ProvisionError(f"rabbitmqctl {arguments[0]} did not end in time") from error
        if done.returncode:
            raise ProvisionError(f"rabbitmqctl {arguments[0]} failed: {(done.stdout + done.stderr)[-500:]}")
        return done.stdout

    def stop(self) -> None:
        for child in reversed(self._children):
            end(child, STOP_SECONDS)
        self._children.clear()

    @property
    def _ended(self) -> bool:
        return any(child.poll() is not None for child in self._children)

    def _prepare_folder(self) -> None:
        try:
            (self.folder / "log").mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.folder / "enabled_plugins").write_text("[].\n")
            configuration = self.folder / "rabbitmq.conf"
            configuration.touch(mode=0o600)
            configuration.write_text(
                f"default_pass = {self._password}\nlog.file.level = warning\ndisk_free_limit.absolute = 50MB\n"
            )
        except OSError as error:
            raise ProvisionError(f"cannot write RabbitMQ's folder {self.folder}: {error.strerror}") from error

    def environment(self) -> Mapping[str, str]:
        """The environment in which `rabbitmqctl` finds this node."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        return inherited | {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"dukan-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "node.pid"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            # The start script then becomes the node instead of forking it, so that signals reach the node.
            "RABBITMQ_ALLOW_INPUT": "1",
            # Distribution on loopback only, and schedulers that sleep instead of spinning on a small machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none +B i"
            ),
        }

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
