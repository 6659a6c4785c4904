"""The reference documents are made from the code and up to date."""

from pathlib import Path

from common.bus.asyncapi import document
from common.contracts.all_events import all_events
from dukan.docs import events_page, write

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_documents_are_up_to_date(tmp_path: Path) -> None:
    write(tmp_path)

    for name in ("events.md", "asyncapi.json", "errors.md"):
        assert (DOCS / name).read_text() == (tmp_path / name).read_text(), "run `./dukan docs`"


def test_every_event_is_described() -> None:
    page = events_page()

    for event in all_events():
        assert event.__doc__
        assert f"### {event.__name__}\n" in page


def test_every_message_of_the_asyncapi_document_carries_cloudevents_headers() -> None:
    made = document()

    assert set(made["channels"]) == {event.type for event in all_events()}
    for message in made["components"]["messages"].values():
        assert message["headers"] == {"$ref": "#/components/schemas/CloudEventHeaders"}
        assert message["payload"]["$ref"].rsplit("/", 1)[-1] in made["components"]["schemas"]
