"""Logs: one JSON object per line, or plain lines on a terminal.

Every line has the service and the ids of the request or event that it belongs to. Everything that looks like a
credential is masked.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from common import context

service_name: ContextVar[str] = ContextVar("dukan_service", default="dukan")
"""The service that the current task belongs to; one process may hold several."""

MASK = "***"
CREDENTIALS = (
    (re.compile(r"(?<=://)([^:/@\s]+):[^@/\s]+(?=@)"), rf"\1:{MASK}"),
    (re.compile(r"(?i)\b(bearer|apikey|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), MASK),
    (re.compile(r"\b(dk_[A-Za-z0-9-]+)_[\w-]+"), rf"\1_{MASK}"),
)
SECRET_NAMES = re.compile(r"(?i)passw|secret|token|authorization|cookie|api_?key|otp")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs to the stream, by default stderr; to a terminal as plain lines.

    A server logs to stdout, where containers collect logs; a command's stdout is for its result.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if stream.isatty() else JsonFormatter())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for noisy in ("httpx", "httpcore", "aiormq", "aio_pika", "faststream", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_items(log: logging.Logger, message: str, items: Sequence[Mapping[str, object]]) -> None:
    """One INFO line for a batch: the ids of a single item are fields of the line, those of several a list in it.

    A line per item would cost a busy worker as much as the item's own work.
    """
    if len(items) == 1:
        log.info(message, extra=dict(items[0]))
    elif items:
        log.info("%s (%d)", message, len(items), extra={"items": list(items)})


def mask(text: str) -> str:
    """The text with its credentials masked."""
    for pattern, replacement in CREDENTIALS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
            "service": service_name.get(),
            **_ids(),
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = mask(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class HumanFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        extra = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        line = f"{at} {record.levelname:<7} {service_name.get():<13} {mask(record.getMessage())} {extra}".rstrip()
        return f"{line}\n{mask(self.formatException(record.exc_info))}" if record.exc_info else line


def _ids() -> dict[str, str]:
    origin = context.current()
    if origin is None:
        return {}
    ids = {"correlation_id": origin.correlation_id}
    # Work without a causing event is a request, whose id is the correlation id.
    ids |= {"causation_id": origin.causation_id} if origin.causation_id else {"request_id": origin.correlation_id}
    return ids | ({"trace_id": origin.traceparent[3:35]} if origin.traceparent else {})


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in STANDARD}
    return {name: _mask_value(name, value) for name, value in given.items()}


def _mask_value(name: str, value: object) -> object:
    if SECRET_NAMES.search(name):
        return MASK
    return mask(value) if isinstance(value, str) else value
