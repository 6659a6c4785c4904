"""How often one may ask for what costs others something: a letter, an answer about an address."""

from dataclasses import replace
from hashlib import sha256

from auth.domain.addresses import Address, neighbourhood
from auth.domain.throttle import Policy
from auth.usecases.throttle import Limits, limits_of
from common.errors import RateLimited


def request_limits(act: str, email: str, address: Address, per_address: Policy) -> Limits:
    """As for sign-in, but counted apart from it: whoever asks too often can still sign in."""
    place = sha256(f"{act}\0{neighbourhood(address)}".encode()).digest()
    return replace(limits_of(f"{act}:{email}", address, per_address), address=place)


def too_often(wait: float) -> RateLimited:
    return RateLimited(wait, "Too many attempts, try again later", code="too_many_attempts")
