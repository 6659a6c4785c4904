"""Imports a catalogue into the running platform through its public API."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from catalog.imports.domain.files import SourceRow, rows_of
from catalog.imports.domain.mapping import ColumnMapping, mapping_of
from common.errors import DukanError
from dukan.errors import ProvisionError

API = "/api/v1"
BATCH = 50
REQUEST_SECONDS = 60.0
PICTURES = (".webp", ".jpg", ".jpeg", ".png")


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
    """The import of one file. `mapping` says which column is which field, `images` is the folder of images."""

    http: httpx.Client
    rows: Sequence[SourceRow]
    mapping: ColumnMapping
    currency: str | None = None
    images: Path | None = None
    report: Report = field(default_factory=Report)

    def run(self) -> Iterator[int]:
        """Send everything; yields the number of processed rows after each batch."""
        for start in range(0, len(self.rows), BATCH):
            batch = self.rows[start : start + BATCH]
            for row in self._send(batch):
                self._note(row)
            yield len(batch)

    def _send(self, batch: Sequence[SourceRow]) -> list[dict[str, Any]]:
        body = {
            "rows": [{column: row.values.get(column) for column in self.mapping.values()} for row in batch],
            "lines": [row.line for row in batch],
            "mapping": self.mapping,
            "currency": self.currency,
        }
        answer = self.http.post(f"{API}/products/import", json=_exact(body))
        rows: list[dict[str, Any]] = expect(answer, "importing")["rows"]
        return rows

    def _note(self, row: dict[str, Any]) -> None:
        self.report.rows[row["outcome"]] += 1
        self.report.problems += [f"line {row['line']}: {e['field']} {e['message']}" for e in row["errors"]]
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


def read(file: Path, given: Mapping[str, str], stock: int | None) -> tuple[list[SourceRow], ColumnMapping]:
    """The rows of a file and which column is which field; `stock` is the default stock."""
    try:
        rows = rows_of(file.read_bytes())
        mapping = mapping_of({column: None for row in rows for column in row.values}, given)
    except OSError as error:
        raise ProvisionError(f"cannot read {file}: {error.strerror}") from error
    except DukanError as error:
        raise ProvisionError(f"{file}: {error.message}") from error
    if stock is not None and "stock" not in mapping:
        rows = [SourceRow(row.line, row.values | {"stock": stock}) for row in rows]
        mapping = mapping | {"stock": "stock"}
    return rows, mapping


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


def _exact(value: Any) -> Any:
    """The value for JSON, with decimals as strings: a price must not lose a digit."""
    if isinstance(value, Mapping):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)
