"""Client spans of transactions and of their statements. Nothing happens where no exporter is configured."""

import time
from contextlib import suppress

import asyncpg
from opentelemetry.trace import Span, SpanKind

from common import telemetry

MAX_QUERY_CHARACTERS = 500


class TransactionSpan:
    """The span of a transaction, with a span below it for each statement on the driver."""

    def __init__(self, span: Span, sql: asyncpg.Connection) -> None:
        self._span = span
        self._sql = sql
        sql.add_query_logger(self._on_query)

    @classmethod
    def start(cls, sql: asyncpg.Connection, database: str) -> "TransactionSpan | None":
        """None unless the current work is traced."""
        attributes = {"db.system.name": "postgresql", "db.namespace": database}
        span = telemetry.start_child(f"transaction {database}", SpanKind.CLIENT, attributes)
        return None if span is None else cls(span, sql)

    def end(self, error: BaseException | None) -> None:
        if error is not None:
            telemetry.fail(self._span, error)
        with suppress(asyncpg.InterfaceError):  # the connection is lost
            self._sql.remove_query_logger(self._on_query)
        self._span.end()

    def _on_query(self, query: asyncpg.connection.LoggedQuery) -> None:
        """Called after each statement. Its text has no values: those are parameters."""
        text = " ".join(query.query.split())
        with telemetry.below(self._span):
            attributes = {"db.system.name": "postgresql", "db.query.text": text[:MAX_QUERY_CHARACTERS]}
            started = time.time_ns() - int(query.elapsed * 1e9)
            name = text.partition(" ")[0].upper()
            span = telemetry.start_child(name, SpanKind.CLIENT, attributes, started_at=started)
        if span is not None:
            if query.exception is not None:
                telemetry.fail(span, query.exception)
            span.end()
