"""`python -m common.contracts.docs [FOLDER]` writes events.md and asyncapi.json, by default into `docs`."""

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from common.contracts.all_events import all_events
from common.contracts.asyncapi import document
from common.contracts.event import Event

HEAD = """# Events

Made by `python -m common.contracts.docs` from `libs/common/src/common/contracts`; the same as AsyncAPI 3 is
`asyncapi.json`, served by the gateway at `/asyncapi`. A field marked * is always there. Fields are only ever added;
consumers ignore those they do not know.
"""


def events_page() -> str:
    """The catalogue in Markdown, by publishing context."""
    parts = [HEAD]
    for source, events in groupby(all_events(), key=lambda event: event.source()):
        parts.append(f"## {source}\n")
        parts.extend(_section(event) for event in events)
    return "\n".join(parts)


def _section(event: type[Event]) -> str:
    schema = event.model_json_schema(mode="serialization")
    required = schema.get("required", [])
    rows = [
        f"| {name}{' *' if name in required else ''} | {_type(field)} |" for name, field in schema["properties"].items()
    ]
    facts = f"`{event.type}`, about `{event.subject_field}`. {' '.join((event.__doc__ or '').split())}"
    return "\n".join([f"### {event.__name__}\n", facts, "", "| field | type |", "|---|---|", *rows, ""])


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("format", field.get("type", "any")))


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.md").write_text(events_page(), encoding="utf-8")
    catalogue = json.dumps(document(), indent=2, ensure_ascii=False)
    (folder / "asyncapi.json").write_text(f"{catalogue}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
