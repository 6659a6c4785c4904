# ruff: noqa: N818 - an error reads better as what it is, as in common.errors
"""The gateway's own errors, one class per code.

ClientDisconnected and RedisUnavailable stay inside the gateway: they produce no response of their own.
"""

from common.errors import DukanError, Forbidden, RateLimited, Unauthenticated, Unavailable


class BadRequest(DukanError):
    """The request cannot be forwarded safely."""

    status = 400
    code = "bad_request"
    message = "The request is not well-formed"


class MalformedHeader(BadRequest):
    code = "malformed_header"
    message = "A header holds a control character"


class MalformedHost(BadRequest):
    code = "malformed_host"
    message = "The Host header is missing or malformed"


class MalformedFraming(BadRequest):
    code = "malformed_framing"
    message = "The framing of the body is ambiguous"


class MalformedPath(BadRequest):
    code = "malformed_path"
    message = "The path is ambiguous or not well-formed"


class MalformedQuery(BadRequest):
    code = "malformed_query"
    message = "The query is not percent-encoded"


class ApiKeyInvalid(Unauthenticated):
    code = "api_key_invalid"
    message = "The API key is not valid"


class SessionInactive(Unauthenticated):
    """auth says that the session behind a login cookie has ended."""

    code = "session_ended"
    message = "The session has ended"


class OriginNotAllowed(Forbidden):
    code = "origin_not_allowed"
    message = "Pages of this origin may not connect"


class RequestTimeout(DukanError):
    status = 408
    code = "timeout"
    message = "The body did not arrive in time"


class TooManyStreams(RateLimited):
    code = "too_many_streams"


class TooManyBodies(RateLimited):
    code = "too_many_bodies"
    message = "Too many of your requests are still being sent"


class TooManyInFlight(RateLimited):
    code = "too_many_in_flight"
    message = "Too many of your requests are in progress"


class HeadersTooLarge(DukanError):
    status = 431
    code = "headers_too_large"
    message = "The headers are too large"


class Overloaded(Unavailable):
    code = "overloaded"
    message = "The service is busy, try again shortly"
    retry_after = 1.0


class IdentityUnavailable(Unavailable):
    """auth cannot be asked about a credential."""

    code = "identity_unavailable"
    message = "Credentials cannot be checked at the moment"
    retry_after = 1.0


class LimitsUnavailable(Unavailable):
    """Redis does not respond, and the route's limit fails closed."""

    code = "limits_unavailable"
    message = "Requests cannot be counted at the moment"
    retry_after = 1.0


class NotReady(Unavailable):
    code = "not_ready"
    message = "Not ready"
    retry_after = 1.0


class Degraded(Unavailable):
    """`detail` names every service that is not up."""

    code = "degraded"
    message = "Not every service is up"


class ClientDisconnected(Exception):
    """The client closed its connection before the response was complete."""


class RedisUnavailable(ConnectionError):
    """Redis is not connected, did not respond in time, or returned an error."""
