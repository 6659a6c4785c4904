"""Load by `wrk` where it is installed: it takes a tenth of the CPU that a Python client takes from what it loads."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from bench.load import Result, drive
from bench.wire import request

WARM_UP_SECONDS = 1
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def installed() -> str | None:
    return shutil.which("wrk")


async def get(
    name: str, url: str, paths: Sequence[str], headers: Mapping[str, str], *, seconds: float, connections: int = 32
) -> Result:
    """GET the paths in turn over keep-alive connections, each with its next request when the last was answered."""
    if installed() is None:
        requests = cycle([request("GET", path, headers) for path in paths])
        return await drive(name, url, lambda: next(requests), seconds=seconds, connections=connections)
    return await run(name, url, _getting(paths, headers), seconds=seconds, connections=connections)


async def run(name: str, url: str, script: str, *, seconds: float, connections: int, warm_up: bool = True) -> Result:
    """Run a wrk script, in Lua, for whole seconds (at least one), after a second of warm-up."""
    with tempfile.TemporaryDirectory(prefix="dukan-wrk-") as folder:
        path = Path(folder) / "load.lua"
        path.write_text(script)
        if warm_up:
            await _wrk(url, path, WARM_UP_SECONDS, connections)
        said = await _wrk(url, path, max(1, round(seconds)), connections)
    return read(name, said, connections)


async def _wrk(url: str, script: Path, seconds: int, connections: int) -> str:
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "15s", "--latency", "-s", str(script), url]
    process = await asyncio.create_subprocess_exec(
        "wrk", *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(seconds + 30):
        said, _ = await process.communicate()
    return said.decode()


def read(name: str, said: str, connections: int) -> Result:
    """The figures in what wrk prints. Raises ValueError when there are none: it could not connect."""
    counted = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", said)
    if counted is None:
        raise ValueError(f"wrk: {said.strip().splitlines()[-1:]}")
    requests, elapsed = int(counted[1]), float(counted[2]) * UNITS[counted[3]] / 1000
    unexpected = _unexpected(said)
    good = requests - unexpected.get("status", 0)
    return Result(name, good / elapsed, _percentile(said, 50), _percentile(said, 99), good, connections, unexpected)


def _percentile(said: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\b", said, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def _unexpected(said: str) -> dict[int | str, int]:
    found: dict[int | str, int] = {}
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", said):
        found["status"] = int(refused[1])
    if broken := re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said):
        found |= {
            kind: int(n)
            for kind, n in zip(("connect", "read", "write", "timeout"), broken.groups(), strict=True)
            if int(n)
        }
    return found


def _getting(paths: Sequence[str], headers: Mapping[str, str]) -> str:
    """Requests made once and sent in turn."""
    given = ", ".join(f"[{quoted(name)}] = {quoted(value)}" for name, value in headers.items())
    made = "\n".join(f'made[#made + 1] = wrk.format("GET", {quoted(path)}, headers)' for path in paths)
    return f"""
local made, at = {{}}, 0
function init()
    wrk.headers["Host"] = "bench"
    local headers = {{["Host"] = "bench", {given}}}
    {made}
end
function request()
    at = at % #made + 1
    return made[at]
end
"""


def quoted(text: str) -> str:
    """A string of Lua."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
