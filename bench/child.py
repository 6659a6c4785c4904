"""Measuring programs in processes of their own: arguments and results as JSON."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import IO, Any, Self

from dukan import loops
from dukan.children import tie_to_parent

TREE = Path(__file__).parent.parent
MAX_LINE = 64 * 2**20

Arguments = Mapping[str, Any]


class ChildError(Exception):
    """A measuring program failed; the end of its output."""


class Child:
    """`python -m bench.processes.<module>`: JSON arguments on standard input, JSON lines on standard output."""

    def __init__(self, module: str, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self._module = module
        self._process = process
        self._errors = errors

    @classmethod
    async def start(
        cls, module: str, arguments: Arguments, python: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Self:
        command = [str(python or sys.executable), "-m", f"bench.processes.{module}"]
        errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `end`)
        process = await asyncio.create_subprocess_exec(
            *tie_to_parent(command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=TREE,
            limit=MAX_LINE,
            env=os.environ | (env or {}),
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(arguments).encode())
        process.stdin.close()
        return cls(module, process, errors)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def line(self, within: float) -> dict[str, Any]:
        """Its next line. Raises ChildError if it ends without one or takes too long."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            await self.end()
            raise ChildError(f"{self._module} said nothing for {within:.0f} s") from None
        if not line:
            self._errors.seek(0)
            words = self._errors.read().decode(errors="replace").strip().splitlines()
            raise ChildError(f"{self._module}: {words[-1] if words else 'ended without a word'}")
        found: dict[str, Any] = json.loads(line)
        return found

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self._process.communicate()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._errors.close()


async def run(
    module: str,
    arguments: Arguments,
    *,
    within: float,
    python: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run it and return its only line."""
    child = await Child.start(module, arguments, python, env)
    try:
        return await child.line(within)
    finally:
        await child.end()


def program(main: Coroutine[Any, Any, None]) -> None:
    """Runs a measuring program on the event loop that services use."""
    loops.run(main)


def arguments() -> dict[str, Any]:
    """The arguments of a measuring program."""
    given: dict[str, Any] = json.load(sys.stdin)
    return given


def say(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)
