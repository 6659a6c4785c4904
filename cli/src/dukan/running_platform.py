"""The address of a running platform: `<data>/run.json`, written by `up` and read by the other commands.

A platform on another data folder than the default one has an entry in `<default folder>/elsewhere` too.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from dukan.errors import ProvisionError
from dukan.folder_lock import FolderLock
from dukan.installation import Platform, default_data
from dukan.secret_file import SecretFile

FILE = "run.json"
ELSEWHERE = "elsewhere"
DEFAULT_URL = "http://127.0.0.1:8000"

RunningData = Annotated[
    Path | None, typer.Option("--data", help="Its data folder; default: that of the platform that runs.")
]


@dataclass(frozen=True)
class RunningPlatform:
    """`mode` is embedded or processes; `amqp` is the broker's URL in processes mode."""

    url: str
    pid: int
    mode: str
    amqp: str | None
    data: str

    def admin(self) -> tuple[str, str]:
        """E-mail and password of the first administrator."""
        known = SecretFile(Path(self.data) / "secrets.json").read()
        return known["admin_email"], known["admin_password"]


def announce(platform: Platform) -> None:
    running = RunningPlatform(platform.url, os.getpid(), platform.mode, platform.amqp, str(platform.data))
    _write(platform.data / FILE, asdict(running))
    if platform.data != default_data().absolute():
        entry = _entry(platform.data)
        entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(entry, {"data": str(platform.data)})


def withdraw(platform: Platform) -> None:
    (platform.data / FILE).unlink(missing_ok=True)
    _forget(_entry(platform.data))


def find(data: Path) -> RunningPlatform | None:
    """The platform that runs on this data folder; None if there is none, or only the file of one that was killed."""
    try:
        content = json.loads((data / FILE).read_bytes())
    except PermissionError as error:
        raise ProvisionError(f"the platform in {data} belongs to another user") from error
    except (OSError, ValueError):
        return None
    lock = FolderLock(data / "lock")
    if lock.acquire():
        lock.release()
        return None
    return RunningPlatform(**content)


def find_any(data: Path | None) -> RunningPlatform | None:
    """The platform that runs on `data`; without it the one on the default folder, else the one that was started from
    here with `up --data`.

    Raises ProvisionError if there are several of those.
    """
    if data is not None:
        return find(data)
    if found := find(default_data()):
        return found
    others = list(_elsewhere())
    if len(others) > 1:
        raise ProvisionError(f"several platforms are running: give --data {' or '.join(each.data for each in others)}")
    return others[0] if others else None


def reachable(
    data: Path | None, url: str | None, email: str | None, password: str | None
) -> tuple[str, tuple[str, str]]:
    """The URL of the platform and the account to use: the given ones, else those of the running platform.

    Raises ProvisionError if neither exists.
    """
    if url and email and password:
        return url, (email, password)
    found = find_any(data)
    if email and password:
        return url or (found.url if found else DEFAULT_URL), (email, password)
    if found is None:
        raise ProvisionError("no platform is running: start it with `dukan up`, or give --url, --email, --password")
    return url or found.url, found.admin()


def _elsewhere() -> Iterator[RunningPlatform]:
    for entry in sorted((default_data() / ELSEWHERE).glob("*.json")):
        try:
            found = find(Path(json.loads(entry.read_bytes())["data"]))
        except (OSError, ValueError, KeyError):
            continue
        if found is None:
            _forget(entry)
        else:
            yield found


def _entry(data: Path) -> Path:
    return default_data() / ELSEWHERE / f"{sha256(str(data).encode()).hexdigest()[:16]}.json"


def _forget(entry: Path) -> None:
    """Delete the entry, and its folders if they are empty now."""
    entry.unlink(missing_ok=True)
    with suppress(OSError):
        entry.parent.rmdir()
        entry.parent.parent.rmdir()


def _write(path: Path, content: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=1))
    fresh.replace(path)
