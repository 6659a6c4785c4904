"""The checks that every request passes first, on the normal path and on the cache's fast path."""

from dataclasses import dataclass

from common.web.time_zones import find_zone
from gateway.http.client_address import TrustedProxies
from gateway.http.context import RequestContext
from gateway.http.cors import Cors
from gateway.http.headers import HeaderLimits, parse_headers


@dataclass(slots=True)
class RequestInspector:
    header_limits: HeaderLimits
    proxies: TrustedProxies
    cors: Cors

    def inspect(self, context: RequestContext) -> None:
        """Check the headers, identify the client and add the CORS headers of the response.

        Raises what `parse_headers` raises, and UnknownTimeZone.
        """
        scope = context.scope
        context.headers = headers = parse_headers(scope["headers"], self.header_limits)
        peer = scope["client"]
        context.client = self.proxies.identify(peer[0] if peer else None, scope["scheme"], headers)
        context.response_headers.extend(self.cors.headers(headers.get(b"origin")))
        if (zone := headers.get(b"timezone")) is not None:
            find_zone(zone)
