"""Named points in a process at which a fault is injected by order from outside.

The harness writes an `Order` to `<folder>/<service>.json`; the process reads it and, before it acts, appends its action
to `<service>.acted`, so that the harness counts only faults that happened.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BEFORE_COMMIT = "before commit"
AFTER_COMMIT = "after commit, before publish"
UNCONFIRMED = "published, not confirmed"
UNMARKED = "confirmed, not marked"
IN_HANDLER = "in a handler"
UNACKED = "handled, not acknowledged"
CHARGED = "charged, not answered"
CLOCK = "clock"
CONTRACTS = "contracts"
DISORDER = "disorder"

KILL, STOP, RAISE, DELAY = "kill", "stop", "raise", "delay"
LOOK_EVERY = 0.05

Ids = Callable[[], Iterable[str]]


class InjectedError(RuntimeError):
    """The error that an order of kind raise raises."""


@dataclass(frozen=True)
class Order:
    """The action at a point: once, at the `nth` passing, or with `standing` at every passing until it is revoked.

    `seconds` is the length of a delay or the shift of a clock; with `event`, only passings with that event's id count.
    """

    point: str
    action: str
    nth: int = 1
    seconds: float = 0.0
    event: str | None = None
    standing: bool = False


def _no_ids() -> Iterable[str]:
    return ()


class Points:
    """One process's view of its orders. It reads them at most every 50 ms, so that the cost without orders is
    negligible.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self._file = folder / f"{service}.json"
        self._acted = folder / f"{service}.acted"
        self._look_at = 0.0
        self._written = 0
        self._order: Order | None = None
        self._passings = 0

    async def reach(self, point: str, ids: Ids = _no_ids, detail: str = "") -> None:
        order = self._due(point, ids, detail)
        if order is not None and order.action == DELAY:
            await asyncio.sleep(order.seconds)
        elif order is not None:
            _inject(order)

    def pass_by(self, point: str, ids: Ids = _no_ids) -> None:
        """For code that cannot await."""
        order = self._due(point, ids, "")
        if order is not None:
            _inject(order)

    def standing(self, point: str) -> Order | None:
        """The current order at this point, for states rather than single actions."""
        order = self._current()
        if order is None or order.point != point:
            return None
        if self._passings == 0:
            self._record(order, "in force")
        self._passings += 1
        return order

    def _due(self, point: str, ids: Ids, detail: str) -> Order | None:
        order = self._current()
        if order is None or order.point != point or (order.event is not None and order.event not in ids()):
            return None
        self._passings += 1
        if self._passings < order.nth or not (order.standing or self._take()):
            return None
        self._record(order, detail)
        return order

    def _current(self) -> Order | None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look()
        return self._order

    def _look(self) -> None:
        try:
            written = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            self._order = None
            self._written = 0
            return
        if written != self._written:
            self._order = Order(**json.loads(self._file.read_text()))
            self._written = written
            self._passings = 0

    def _take(self) -> bool:
        """Whether this process executes an order that only one process may execute."""
        self._order = None
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True

    def _record(self, order: Order, detail: str) -> None:
        line = json.dumps({"pid": os.getpid(), "detail": detail} | asdict(order)) + "\n"
        with self._acted.open("a") as acted:
            acted.write(line)


def _inject(order: Order) -> None:
    if order.action == RAISE:
        raise InjectedError(f"struck {order.point}")
    os.kill(os.getpid(), signal.SIGSTOP if order.action == STOP else signal.SIGKILL)


@dataclass(frozen=True)
class Control:
    """The harness's side: gives orders to the processes of a service and reads their actions."""

    folder: Path
    service: str

    def give(self, order: Order) -> None:
        self.acted_file.unlink(missing_ok=True)
        draft = self.folder / f"{self.service}.draft"
        draft.write_text(json.dumps(asdict(order)))
        draft.replace(self.folder / f"{self.service}.json")

    def take_back(self) -> None:
        (self.folder / f"{self.service}.json").unlink(missing_ok=True)

    @property
    def acted_file(self) -> Path:
        return self.folder / f"{self.service}.acted"

    def acted(self) -> list[dict[str, Any]]:
        """The actions since the last order."""
        if not self.acted_file.exists():
            return []
        return [json.loads(line) for line in self.acted_file.read_text().splitlines()]
