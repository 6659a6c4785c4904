"""What the gateway answers on its own account, beside the platform's common errors."""

from common.errors import DukanError


class BadRequest(DukanError):  # noqa: N818 - named like the answer, as in common.errors
    """The request cannot be passed on safely."""

    status = 400
    code = "bad_request"


class BodyTooLarge(DukanError):  # noqa: N818
    """The body is above the route's limit."""

    status = 413
    code = "payload_too_large"

    def __init__(self) -> None:
        super().__init__("The body is too large")


class RequestTimeout(DukanError):  # noqa: N818
    """The body did not arrive in time."""

    status = 408
    code = "timeout"
    message = "The body did not arrive in time"


class HeadersTooLarge(DukanError):  # noqa: N818
    status = 431
    code = "headers_too_large"
    message = "The headers are too large"


class BadGateway(DukanError):  # noqa: N818
    """The service could not be reached, or cut the connection."""

    status = 502
    code = "bad_gateway"

    def __init__(self) -> None:
        super().__init__("The service could not be reached, try again shortly")

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}


class GatewayTimeout(DukanError):  # noqa: N818
    """The service did not answer in time; what it was asked to do may yet happen."""

    status = 504
    code = "gateway_timeout"

    def __init__(self) -> None:
        super().__init__("The service did not answer in time")

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "5"}


class ClientLeft(Exception):  # noqa: N818 - nobody is there to be told
    """The client closed its connection before the answer was complete."""
