"""Responding with a cached response: its compressed variants, the headers of a hit, and 304."""

from dataclasses import replace

from common import metrics
from common.web.conditions import matches_etag
from gateway.cache.response_cache import CachedResponse
from gateway.http.compression import Coding, compress, encoded_headers, negotiate
from gateway.http.context import RequestContext
from gateway.http.headers import Headers, RequestHeaders, header_lines
from gateway.http.response import secured, send_response


async def respond_from_cache(context: RequestContext, cached: CachedResponse, now: float) -> None:
    """Send the cached response, or 304 to a client that has it."""
    variant = await _variant(cached, context.headers)
    headers = [*variant.headers, *hit_headers(variant, now)]
    metrics.CACHE_HITS.inc()
    if matches_etag(context.headers.get(b"if-none-match"), cached.etag):
        await send_response(context, 304, not_modified_headers(headers), b"")
    else:
        await send_response(context, 200, headers, variant.body)


def hit_headers(cached: CachedResponse, now: float) -> Headers:
    return [(b"age", b"%d" % (now - cached.stored_at)), (b"x-cache", b"hit")]


def not_modified_headers(headers: Headers) -> Headers:
    """Without the headers that describe the body (RFC 9110, 15.4.5)."""
    return [pair for pair in headers if not pair[0].startswith(b"content-")]


def complete_header_lines(headers: Headers, body: bytes) -> bytes:
    return header_lines([*secured(headers), (b"content-length", b"%d" % len(body))])


async def _variant(cached: CachedResponse, headers: RequestHeaders) -> CachedResponse:
    variant, coding = cached.variant_for(headers), negotiate(headers)
    if variant is not None or coding is None:
        return variant or cached
    async with cached.compressing:
        if coding.name not in cached.variants:
            cached.variants[coding.name] = await _compressed(cached, coding)
    return cached.variants[coding.name]


async def _compressed(cached: CachedResponse, coding: Coding) -> CachedResponse:
    body = await compress(coding, cached.body)
    headers = encoded_headers(cached.headers, coding)
    return replace(cached, headers=headers, body=body, header_lines=complete_header_lines(headers, body))
