"""Who is at the other end of a request, as far as one can tell."""

from dataclasses import dataclass

from auth.domain.addresses import Address


@dataclass(frozen=True, slots=True)
class Client:
    address: Address
    user_agent: str | None = None
    request_id: str | None = None
