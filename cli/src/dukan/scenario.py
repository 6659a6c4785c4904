"""Scenarios that use the platform as a client does: every step is an ordinary request."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from dukan.errors import ProvisionError

API = "/api/v1"
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.1


class StepError(ProvisionError):
    """A step did not have the expected result; the message names it."""


@dataclass
class Step:
    """A completed step: `seconds` that it took, `detail` for people."""

    name: str
    seconds: float
    detail: str


@dataclass
class Scenario(ABC):
    """A new user of the platform. `admin` is an administrator's e-mail and password.

    `tree` is the causal tree of the events that the scenario found in the journal.
    """

    http: httpx.Client
    admin: tuple[str, str]
    email: str = field(default_factory=lambda: f"demo-{uuid4().hex[:10]}@example.com")
    password: str = field(default_factory=lambda: f"walk-{uuid4().hex[:12]}")
    user_id: str = ""
    token: str | None = None
    tree: list[dict[str, Any]] = field(default_factory=list)

    @abstractmethod
    def steps(self) -> Sequence[tuple[str, Callable[[], str]]]:
        """The steps: name, and a function that performs it and returns the detail."""

    def run(self) -> Iterator[Step]:
        """Run the scenario; yields each completed step. Raises StepError at the first that fails."""
        for name, step in self.steps():
            started = time.perf_counter()
            try:
                detail = step()
            except (StepError, httpx.HTTPError, KeyError) as error:
                raise StepError(f"step “{name}” failed: {error or type(error).__name__}") from error
            yield Step(name, time.perf_counter() - started, detail)

    def register(self) -> str:
        user = self.post(
            "/auth/register", 201, email=self.email, password=self.password, first_name="Asha", phone=phone()
        )
        self.user_id = user["id"]
        return self.email

    def sign_in(self) -> str:
        answer = self.post("/auth/login", 200, email=self.email, password=self.password)
        self.token = answer["access_token"]
        return f"token for {answer['expires_in'] // 60} minutes"

    def sign_out(self) -> str:
        self.post("/auth/logout", 200)
        self.until("the token to be rejected", lambda: self.status_of("/auth/me") == 401)
        return "401"

    def admin_token(self) -> str:
        email, password = self.admin
        return str(self.post("/auth/login", 200, email=email, password=password)["access_token"])

    def credentials(self, token: str | None = None) -> dict[str, str]:
        bearer = token or self.token
        return {"Authorization": f"Bearer {bearer}"} if bearer else {}

    def status_of(self, path: str) -> int:
        return self.http.get(f"{API}{path}", headers=self.credentials()).status_code

    def get(self, path: str, token: str | None = None) -> Any:
        response = self.http.get(f"{API}{path}", headers=self.credentials(token))
        expect(response.status_code == 200, f"GET {path} answered {response.status_code}: {response.text[:300]}")
        return response.json()["data"]

    def post(self, path: str, expected: int, **body: Any) -> Any:
        response = self.http.post(f"{API}{path}", json=body, headers=self.credentials())
        expect(
            response.status_code == expected,
            f"POST {path} answered {response.status_code}, not {expected}: {response.text[:300]}",
        )
        return response.json()["data"]

    def until(self, what: str, poll: Callable[[], Any]) -> Any:
        """Poll until the result is truthy; raises StepError after WAIT_SECONDS."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := poll()):
            expect(time.monotonic() < deadline, f"{what} did not come within {WAIT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        return found


def expect(condition: bool, error: str) -> None:
    if not condition:
        raise StepError(error)


def phone() -> str:
    """A number from a range that is unassigned in Tanzania."""
    return f"+25570{uuid4().int % 10_000_000:07d}"
