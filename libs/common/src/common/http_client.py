"""The client for calls to other systems: each call is a span of the running trace."""

from typing import Any

import httpx
from opentelemetry.trace import SpanKind

from common import telemetry


class HttpClient(httpx.AsyncClient):
    """httpx's, which tells the other system the trace; without tracing it is httpx's own."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        span = telemetry.start_child(f"{request.method} {request.url.host}", SpanKind.CLIENT, _attributes(request))
        if span is None:
            return await super().send(request, **options)
        request.headers["traceparent"] = telemetry.traceparent_of(span)
        try:
            response = await super().send(request, **options)
        except BaseException as error:
            telemetry.fail(span, error)
            raise
        else:
            span.set_attribute("http.response.status_code", response.status_code)
            return response
        finally:
            span.end()


def _attributes(request: httpx.Request) -> dict[str, str]:
    # Without the query, which may hold a credential.
    url = request.url.copy_with(query=None, username=None, password=None)
    return {"http.request.method": request.method, "server.address": request.url.host, "url.full": str(url)}
