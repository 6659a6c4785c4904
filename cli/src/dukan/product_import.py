"""Imports a catalogue into the running platform through its public API."""

import json
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dukan.errors import ProvisionError

API = "/api/v1"
PAGE = 100
POLL_SECONDS = 0.5
STANDSTILL_SECONDS = 1800.0
"""Without progress for so long, the command gives up; the import goes on when it can. It may wait for other imports of
the same person."""

REQUEST_SECONDS = 60.0
PICTURES = (".webp", ".jpg", ".jpeg", ".png")
ENDS = ("SUCCESS", "FAILURE", "REVOKED")


class SignedIn(httpx.Auth):
    """Signs in with e-mail and password at the first request, and again when the access token has expired."""

    requires_response_body = True

    def __init__(self, base_url: str, email: str, password: str) -> None:
        self._login = f"{base_url.rstrip('/')}{API}/auth/login"
        self._credentials = {"email": email, "password": password}
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token is not None:
            answer = yield self._authorised(request)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
        signed_in = yield httpx.Request("POST", self._login, json=self._credentials)
        self._token = expect(signed_in, "signing in")["access_token"]
        yield self._authorised(request)

    def _authorised(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass
class Report:
    """The result of an import. `problems` are lines for people: the row and what is wrong with it."""

    rows: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.problems)


@dataclass
class ProductImport:
    """The import of one file. `options` are what the request states beside it, `images` is the folder of images."""

    http: httpx.Client
    file: Path
    options: Mapping[str, str]
    images: Path | None = None
    report: Report = field(default_factory=Report)

    def start(self) -> dict[str, Any]:
        """Send the file. Its task."""
        try:
            with self.file.open("rb") as content:
                answer = self.http.post(
                    f"{API}/products/import", files={"file": (self.file.name, content)}, data=self.options
                )
        except OSError as error:
            raise ProvisionError(f"cannot read {self.file}: {error.strerror}") from error
        task: dict[str, Any] = expect(answer, f"importing {self.file.name}")["task"]
        return task

    def follow(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The task, again and again until it has ended. Raises ProvisionError if it failed or stands still."""
        progress, since = task["progress"], time.monotonic()
        while task["status"] not in ENDS:
            if time.monotonic() - since > STANDSTILL_SECONDS:
                raise ProvisionError(f"the import {task['id']} makes no progress: {task['status']}")
            time.sleep(POLL_SECONDS)
            task = expect(self.http.get(task["links"]["self"]), "following the import")
            if task["progress"] != progress:
                progress, since = task["progress"], time.monotonic()
            yield task
        if task["status"] == "FAILURE":
            raise ProvisionError(f"importing {self.file.name} failed: {task['error']['message']}")
        if task["status"] == "REVOKED":
            raise ProvisionError(f"the import {task['id']} was stopped")

    def collect(self, task: dict[str, Any]) -> Iterator[int]:
        """Read the report and add the pictures; yields the number of rows after each page."""
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            answer = self.http.get(task["links"]["result"], params=query)
            rows = expect(answer, "reading the report")
            for row in rows:
                self._note(row)
            yield len(rows)
            if (cursor := answer.json()["meta"]["next_cursor"]) is None:
                return
            query["cursor"] = cursor

    def _note(self, row: dict[str, Any]) -> None:
        self.report.rows[row["outcome"]] += 1
        self.report.problems += [
            f"line {row['line']}: {' '.join(filter(None, (error['field'], error['message'])))}"
            for error in row["errors"]
        ]
        if self.images is not None and row["product_id"] is not None:
            self._picture(row, self.images)

    def _picture(self, row: dict[str, Any], folder: Path) -> None:
        path = picture_of(row, folder)
        if path is None:
            self.report.images["missing"] += 1
            return
        file = {"file": (path.name, path.read_bytes())}
        answer = self.http.post(f"{API}/products/{row['product_id']}/images", files=file)
        if answer.is_success:
            self.report.images["added" if answer.status_code == httpx.codes.CREATED else "known"] += 1
        else:
            self.report.problems.append(f"line {row['line']}: picture {path.name}: {_message(answer)}")


def options_of(mapping: Mapping[str, str], **stated: object) -> dict[str, str]:
    """The form fields of a request."""
    given = {name: str(value) for name, value in stated.items() if value is not None}
    return given | ({"mapping": json.dumps(dict(mapping))} if mapping else {})


def picture_of(row: Mapping[str, Any], folder: Path) -> Path | None:
    """The file that the row names, else one named after its SKU or its id."""
    stems = [key for key in (row["sku"], row["external_key"]) if key]
    names = [row["image"] or "", *(f"{stem}{ending}" for stem in stems for ending in PICTURES)]
    # Only the file name counts: a row must not reach files outside the folder.
    candidates = (folder / Path(name).name for name in names if name)
    return next((path for path in candidates if path.is_file()), None)


def expect(answer: httpx.Response, doing: str) -> Any:
    """The data of a success response. Raises ProvisionError with the error message otherwise."""
    if not answer.is_success:
        raise ProvisionError(f"{doing} failed: {_message(answer)}")
    return answer.json()["data"]


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
