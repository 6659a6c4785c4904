"""Session cookies: their names, and the CSRF token that protects them.

auth sets them; the gateway turns the access cookie into a bearer token and requires the CSRF token for unsafe methods.
The CSRF token is bound to the session: its hash is a claim of the access token, so the gateway needs no secret to
check it, and a cookie that an attacker planted is worthless.
Sources: OWASP's signed double-submit; RFC 6265bis for `__Host-` (Secure, no Domain, Path=/).
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest

ACCESS = "dukan_access"
REFRESH = "dukan_refresh"
CSRF = "dukan_csrf"
CSRF_HEADER = "X-CSRF-Token"
DEVICE = "dukan_device"
DEVICE_PATH = "/api/v1/auth"
"""Not sent with other requests: one with a cookie is not answered from the gateway's cache."""
DEVICE_HEADER = "X-Device-Token"


def cookie_name(name: str, *, secure: bool) -> str:
    """The cookie's full name. Over plain HTTP, which is for local mode only, there is no prefix."""
    if not secure:
        return name
    # `__Host-` demands the path /.
    return f"__Secure-{name}" if name == DEVICE else f"__Host-{name}"


def csrf_claim(token: str) -> str:
    """The claim of an access token for a CSRF token: its hash."""
    return urlsafe_b64encode(sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


def is_csrf_token_valid(header: str | None, cookie: str | None, claim: str) -> bool:
    """Whether header and cookie both hold the session's CSRF token."""
    if not header or not cookie or not claim:
        return False
    return compare_digest(header.encode(), cookie.encode()) and compare_digest(csrf_claim(header), claim)
