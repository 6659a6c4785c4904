"""Gateways without a platform, each a process as the platform runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from dukan.children import end, spawn, wait_until
from dukan.ports import free_port
from dukan.services import SERVICES

START_SECONDS = 30.0


def start(stack: ExitStack, folder: Path, services: Mapping[str, str], broker: str, **settings: str) -> tuple[str, int]:
    """A gateway in front of these services, by name: its URL and pid. It is ready when `await_answer` returns."""
    port = free_port()
    urls = {f"DUKAN_{name.upper()}_URL": url for name, url in services.items()}
    env = os.environ | urls | settings | {"DUKAN_PORT": str(port), "DUKAN_AMQP_URL": broker, "DUKAN_DRAIN_DELAY": "0"}
    command = [sys.executable, "-m", "dukan", "serve", "gateway"]
    return f"http://127.0.0.1:{port}", start_program(stack, command, folder / f"gateway-{port}.log", env).pid


def all_at(url: str) -> dict[str, str]:
    """The same upstream for every service."""
    return dict.fromkeys(SERVICES, url)


def start_program(
    stack: ExitStack, command: Sequence[str], log: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = spawn(command, output, env)
    stack.callback(end, process, 5)
    return process


def await_answer(url: str, headers: Mapping[str, str]) -> None:
    """Wait until a GET is answered 200. Raises OSError after a time-out."""

    def answers() -> bool:
        try:
            return httpx.get(url, headers=dict(headers), timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    if not wait_until(answers, START_SECONDS):
        raise OSError(f"nothing answers at {url}")
