"""Answers that were given and may be given again: bounded, fresh, and forgotten as soon as they may be wrong.

Sources: RFC 9111 (a shared cache). Stricter than it: nothing stale is given, ever.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.compression import chosen
from gateway.headers import Headers, Inbound
from gateway.routes import Route


@dataclass(slots=True)
class Kept:
    """A service's 200 to the decoded `path`. `born` and `until` are times of the cache's clock.

    `lines` are the headers of a whole answer as they are written; `vary` holds what a request has to say to get it.
    One that `can_pack` is packed by the first who accepts a coding, for all: `packed` has its forms by coding.
    """

    path: str
    route: Route
    headers: Headers
    lines: bytes
    body: bytes
    etag: str | None
    vary: tuple[tuple[bytes, str | None], ...]
    born: float
    until: float
    can_pack: bool = False
    packed: "dict[str, Kept]" = field(default_factory=dict)
    packing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def suits(self, inbound: Inbound) -> bool:
        return not self.vary or all(inbound.said(name) == value for name, value in self.vary)

    def form_for(self, inbound: Inbound) -> "Kept | None":
        """It in the coding that the request likes best; None while it is not packed so."""
        if not self.can_pack or (coding := chosen(inbound)) is None:
            return self
        return self.packed.get(coding.name)

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        entry = (
            1000 + len(self.body) + len(self.path) + sum(len(name) + len(value) + 100 for name, value in self.headers)
        )
        # Room for the packed ones as well, which may come at any time and are smaller.
        return entry * 3 if self.can_pack else entry


class Cache:
    """Kept answers by target (see `key_of`); what was not asked for longest goes first.

    Answers of one family are forgotten together. A generation counts how often a family was: what was asked of a
    service before must not be kept after.
    """

    def __init__(self, most_bytes: int, most_entries: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.most_bytes = most_bytes
        self._most_entries = most_entries
        self._bytes = 0
        self._kept: OrderedDict[bytes, tuple[str, Kept]] = OrderedDict()
        self._families: defaultdict[str, set[bytes]] = defaultdict(set)
        self._generations: defaultdict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        return self._bytes

    def find(self, target: bytes) -> Kept | None:
        """A fresh answer to this target, as sent or reordered."""
        key = key_of(target)
        entry = self._kept.get(key)
        if entry is None:
            return None
        kept = entry[1]
        if self.clock() >= kept.until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def generation(self, family: str) -> int:
        return self._generations[family]

    def keep(self, family: str, generation: int, target: bytes, kept: Kept) -> None:
        """Keep it, unless the family was purged since that generation or there is no room for it."""
        if generation != self._generations[family] or kept.size > self.most_bytes:
            return
        key = key_of(target)
        self._drop(key)
        self._kept[key] = (family, kept)
        self._families[family].add(key)
        self._bytes += kept.size
        while self._bytes > self.most_bytes or len(self._kept) > self._most_entries:
            self._drop(next(iter(self._kept)))

    def purge(self, family: str) -> None:
        self._generations[family] += 1
        for key in list(self._families[family]):
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        if (entry := self._kept.pop(key, None)) is not None:
            family, kept = entry
            self._families[family].discard(key)
            self._bytes -= kept.size


def key_of(target: bytes) -> bytes:
    """The same for targets that ask the same: a slash at the end and the order of parameters do not count.

    One slash only, so that a target which is found is as well-formed as the one that was judged when it was kept.
    """
    path, _, query = target.partition(b"?")
    path = path.removesuffix(b"/")
    if b"&" in query:
        # By name, so that values of one name stay in order.
        ordered = sorted(query.split(b"&"), key=lambda parameter: parameter.partition(b"=")[0])
        query = b"&".join(ordered)
    return path + b"?" + query if query else path
