"""The bounds of the cache, purges and keys."""

import pytest
from gateway_harness import FakeClock

from gateway.cache.response_cache import CachedResponse, ResponseCache, cache_key
from gateway.routing.routes import CATALOG_TAG, Route

ROUTE = Route("/products", "catalog", cache_tag=CATALOG_TAG)


def cached(size: int = 100, expires_at: float = 2000.0) -> CachedResponse:
    return CachedResponse("/p", ROUTE, (), b"", b"x" * size, None, (), 1000.0, expires_at)


def store(cache: ResponseCache, target: bytes, response: CachedResponse, tag: str = CATALOG_TAG) -> None:
    cache.store(tag, cache.generation(tag), target, response)


def test_the_least_recently_used_response_is_dropped_first() -> None:
    cache = ResponseCache(1_000_000, 3, clock=FakeClock())
    for target in (b"/a", b"/b", b"/c"):
        store(cache, target, cached())
    cache.find(b"/a")
    store(cache, b"/d", cached())

    assert [target for target in (b"/a", b"/b", b"/c", b"/d") if cache.find(target)] == [b"/a", b"/c", b"/d"]


def test_the_cache_never_exceeds_its_bytes() -> None:
    cache = ResponseCache(50_000, 1000, clock=FakeClock())
    for number in range(200):
        store(cache, b"/%d" % (number % 70), cached(number * 37 % 5000))
        assert cache.size <= 50_000
    store(cache, b"/large", cached(60_000))
    assert cache.find(b"/large") is None

    cache.purge(CATALOG_TAG)
    assert (len(cache), cache.size) == (0, 0)


def test_a_stale_response_is_not_found() -> None:
    clock = FakeClock()
    cache = ResponseCache(1_000_000, 10, clock=clock)
    store(cache, b"/a", cached(expires_at=1005.0))
    clock.at = 1004.9
    assert cache.find(b"/a") is not None
    clock.at = 1005.0
    assert cache.find(b"/a") is None
    assert cache.size == 0


def test_a_purge_drops_its_tag_only_and_responses_requested_before_it() -> None:
    cache = ResponseCache(1_000_000, 10, clock=FakeClock())
    store(cache, b"/a", cached())
    store(cache, b"/b", cached(), tag="other")
    before = cache.generation(CATALOG_TAG)
    cache.purge(CATALOG_TAG)
    cache.store(CATALOG_TAG, before, b"/c", cached())

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
def test_equivalent_targets_have_the_same_key(target: bytes, key: bytes) -> None:
    assert cache_key(target) == key
