"""`dukan docs`: write docs/events.md, docs/asyncapi.json and docs/errors.md from the code."""
# ruff: noqa: PLC0415 (the services' code is loaded by this command only)

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dukan.services import GATEWAY, SERVICES

if TYPE_CHECKING:
    from common.contracts.event import Event
    from common.errors import DukanError

EVENTS_HEAD = """# Events

Made by `./dukan docs` from `libs/common/src/common/contracts`; `asyncapi.json` is the same as AsyncAPI 3, which the
gateway serves at `/asyncapi`. A field marked * is always present. Fields are only ever added; consumers ignore fields
that they do not know.
"""
ERRORS_HEAD = """# Errors

Made by `./dukan docs` from the error classes. Clients decide by `code`; `message` is for people and may be more
specific than here. `errors[].field` names the field of the input. Which operation answers with which code is in the
OpenAPI document (`/docs`).
"""


CODES_HEAD = """## Input that does not validate

A 422 with the code `invalid` lists every field that is wrong, as the client wrote it: `items.0.quantity`, or the name
of the parameter. `errors[].code` is one of these, or `invalid`:

| code | meaning |
|---|---|"""


def register(commands: typer.Typer) -> None:
    """Add the command to the `dukan` command line."""
    commands.command()(docs)


def docs(folder: Annotated[Path, typer.Argument(help="Where to write.", file_okay=False)] = Path("docs")) -> None:
    """Write the reference documents that are made from the code: events, AsyncAPI, errors."""
    write(folder)
    typer.echo(f"wrote events.md, asyncapi.json and errors.md to {folder}")


def write(folder: Path) -> None:
    from common.bus.asyncapi import document

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.md").write_text(events_page(), encoding="utf-8")
    (folder / "asyncapi.json").write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "errors.md").write_text(errors_page(), encoding="utf-8")


def events_page() -> str:
    """All events as Markdown, by publishing context."""
    from common.contracts.all_events import all_events

    parts = [EVENTS_HEAD]
    for source, events in groupby(all_events(), key=lambda event: event.source()):
        parts.append(f"## {source}\n")
        parts.extend(_event_section(event) for event in events)
    return "\n".join(parts)


def errors_page() -> str:
    """All error classes as Markdown: those of every service first, then by service."""
    from common.web.validation.codes import CODES

    parts = [ERRORS_HEAD, CODES_HEAD]
    parts += [f"| `{code}` | {meaning} |" for code, meaning in sorted(CODES.items())]
    parts.append("")
    for member, errors in groupby(sorted(error_classes(), key=_error_order), key=_member_of):
        parts.append(f"## {'every service' if member == 'common' else member}\n")
        parts += ["| status | code | field | message | meaning |", "|---|---|---|---|---|"]
        parts += sorted({_error_row(error) for error in errors})
        parts.append("")
    return "\n".join(parts)


def error_classes() -> Iterator[type["DukanError"]]:
    """Every class of an error with a code of its own, in common, the services and the gateway."""
    from common.errors import DukanError

    for package in ("common.security", "common.web", *SERVICES, GATEWAY):
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    classes = [DukanError]
    while classes:
        current = classes.pop()
        classes += current.__subclasses__()
        if "code" in vars(current) and _member_of(current) in ("common", *SERVICES, GATEWAY):
            yield current


def _member_of(error: type["DukanError"]) -> str:
    return error.__module__.split(".", 1)[0]


def _error_order(error: type["DukanError"]) -> int:
    return ("common", *SERVICES, GATEWAY).index(_member_of(error))


def _error_row(error: type["DukanError"]) -> str:
    field = f"`{error.field}`" if error.field else ""
    meaning = " ".join((vars(error).get("__doc__") or "").split())
    return f"| {error.status} | `{error.code}` | {field} | {error.message} | {meaning} |"


def _event_section(event: type["Event"]) -> str:
    schema = event.model_json_schema(mode="serialization")
    required = schema.get("required", [])
    rows = [
        f"| {name}{' *' if name in required else ''} | {_field_type(field)} |"
        for name, field in schema["properties"].items()
    ]
    facts = f"`{event.type}`, about `{event.subject_field}`. {' '.join((event.__doc__ or '').split())}"
    return "\n".join([f"### {event.__name__}\n", facts, "", "| field | type |", "|---|---|", *rows, ""])


def _field_type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in field:
        return " or ".join(_field_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_field_type(field['items'])}"
    return str(field.get("format", field.get("type", "any")))
