"""The cache's bounds and its memory of what was purged."""

from dataclasses import dataclass

import pytest

from gateway.cache import Cache, Kept, key_of
from gateway.routes import OFFER, Route

ROUTE = Route("/products", "catalog", family=OFFER)


@dataclass
class Clock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


def kept(size: int = 100, until: float = 2000.0) -> Kept:
    return Kept("/p", ROUTE, (), b"", b"x" * size, None, (), 1000.0, until)


def keep(cache: Cache, target: bytes, answer: Kept, family: str = OFFER) -> None:
    cache.keep(family, cache.generation(family), target, answer)


def test_the_one_that_was_not_asked_for_longest_goes_first() -> None:
    cache = Cache(1_000_000, 3, clock=Clock())
    for target in (b"/a", b"/b", b"/c"):
        keep(cache, target, kept())
    cache.find(b"/a")
    keep(cache, b"/d", kept())

    assert [target for target in (b"/a", b"/b", b"/c", b"/d") if cache.find(target)] == [b"/a", b"/c", b"/d"]


def test_bytes_are_bounded_whatever_comes_and_goes() -> None:
    cache = Cache(50_000, 1000, clock=Clock())
    for number in range(200):
        keep(cache, b"/%d" % (number % 70), kept(number * 37 % 5000))
        assert cache.size <= 50_000
    keep(cache, b"/large", kept(60_000))
    assert cache.find(b"/large") is None

    cache.purge(OFFER)
    assert (len(cache), cache.size) == (0, 0)


def test_nothing_is_found_from_the_moment_it_is_stale() -> None:
    clock = Clock()
    cache = Cache(1_000_000, 10, clock=clock)
    keep(cache, b"/a", kept(until=1005.0))
    clock.at = 1004.9
    assert cache.find(b"/a") is not None
    clock.at = 1005.0
    assert cache.find(b"/a") is None
    assert cache.size == 0


def test_a_purge_takes_its_family_only_and_what_was_under_way() -> None:
    cache = Cache(1_000_000, 10, clock=Clock())
    keep(cache, b"/a", kept())
    keep(cache, b"/b", kept(), family="other")
    before = cache.generation(OFFER)
    cache.purge(OFFER)
    cache.keep(OFFER, before, b"/c", kept())

    assert [cache.find(target) is None for target in (b"/a", b"/b", b"/c")] == [True, False, True]


@pytest.mark.parametrize(
    ("target", "key"),
    [
        (b"/a/", b"/a"),
        (b"/a//", b"/a/"),
        (b"/a?", b"/a"),
        (b"/a/?b=2&a=1", b"/a?a=1&b=2"),
        (b"/a?x=2&a&x=1", b"/a?a&x=2&x=1"),
    ],
)
def test_a_key_is_the_same_for_what_asks_the_same(target: bytes, key: bytes) -> None:
    assert key_of(target) == key
