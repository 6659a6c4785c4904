"""A RabbitMQ broker: the one that is configured, installed, installable or runnable in a container."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dukan import rabbitmq
from dukan.children import wait_until
from dukan.errors import ProvisionError
from dukan.ports import free_port
from dukan.rabbitmq import PrivateRabbit, answers, installed_server
from dukan.secret_file import generated

IMAGE = "docker.io/library/rabbitmq:4"
INSTALL_SECONDS = 240
PULL_SECONDS = 180
INSTALLERS = {
    "apt-get": ("apt-get", "install", "-y", "--no-install-recommends", "rabbitmq-server"),
    "dnf": ("dnf", "install", "-y", "rabbitmq-server"),
    "apk": ("apk", "add", "rabbitmq-server"),
}


@dataclass(frozen=True)
class Broker:
    """`vhosts` are further virtual hosts, which isolate concurrent users of one broker."""

    url: str
    vhosts: Sequence[str] = ()


@contextmanager
def provision_broker(folder: Path, tell: Callable[[str], None], vhosts: Sequence[str] = ()) -> Iterator[Broker | None]:
    """A broker while the block runs, a private one with these virtual hosts; None, with a warning, if there is none.

    In this order: AMQP_URL; a private node of an installed server; a server that the package manager installs (as root
    or with passwordless sudo); a container.
    """
    if given := os.environ.get("AMQP_URL"):
        if not answers(given):
            raise ProvisionError("no RabbitMQ answers at AMQP_URL")
        yield Broker(given)
        return
    if server := installed_server() or _install(tell):
        with PrivateRabbit(folder, server=server) as node:
            node.add_vhosts(vhosts)
            yield Broker(node.url, vhosts)
        return
    with _container(tell) as url:
        if url is None:
            tell("NO BROKER: RabbitMQ is not installed, cannot be installed, and no container engine works")
        yield Broker(url) if url else None


def _install(tell: Callable[[str], None]) -> Path | None:
    manager = next((name for name in INSTALLERS if shutil.which(name)), None)
    become_root = _become_root()
    if manager is None or become_root is None:
        return None
    tell(f"Installing rabbitmq-server with {manager} (its system service is not started) …")
    if manager == "apt-get":
        _succeeds([*become_root, "apt-get", "update", "-q"], INSTALL_SECONDS)
    # Debian starts a service on installation unless its policy says no.
    with _no_service_starts(become_root):
        _succeeds([*become_root, "env", "DEBIAN_FRONTEND=noninteractive", *INSTALLERS[manager]], INSTALL_SECONDS)
    return installed_server()


def _become_root() -> Sequence[str] | None:
    """The prefix that runs a command as root; None if that would ask for a password."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _succeeds(["sudo", "-n", "true"], 10):
        return ["sudo", "-n"]
    return None


@contextmanager
def _no_service_starts(become_root: Sequence[str]) -> Iterator[None]:
    policy = "/usr/sbin/policy-rc.d"
    if Path(policy).exists() or not shutil.which("dpkg"):
        yield
        return
    write = f"printf '#!/bin/sh\\nexit 101\\n' > {policy} && chmod +x {policy}"
    _succeeds([*become_root, "sh", "-c", write], 10)
    try:
        yield
    finally:
        _succeeds([*become_root, "rm", "-f", policy], 10)


@contextmanager
def _container(tell: Callable[[str], None]) -> Iterator[str | None]:
    engine = next((name for name in ("docker", "podman") if shutil.which(name) and _succeeds([name, "info"], 10)), None)
    if engine is None:
        yield None
        return
    tell(f"Starting RabbitMQ in a container with {engine} …")
    port, password, name = free_port(), generated(), f"dukan-test-{os.getpid()}"
    command = [engine, "run", "--detach", "--rm", "--name", name, "--publish", f"127.0.0.1:{port}:5672"]
    command += ["--env", "RABBITMQ_DEFAULT_USER=dukan", "--env", f"RABBITMQ_DEFAULT_PASS={password}", IMAGE]
    url = f"amqp://dukan:{password}@127.0.0.1:{port}/"
    try:
        started = _succeeds(command, PULL_SECONDS) and wait_until(
            lambda: answers(url), rabbitmq.BOOT_SECONDS, every=0.5
        )
        yield url if started else None
    finally:
        _succeeds([engine, "rm", "--force", name], 30)


def _succeeds(command: Sequence[str], within: float) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=within)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
