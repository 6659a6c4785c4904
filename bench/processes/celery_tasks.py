"""The same transaction as a Celery task: inbox, one effect, acknowledged late; a quorum queue, publisher confirms.

A worker: `celery --app bench.processes.celery_tasks worker …` with BENCH_AMQP_URL and BENCH_DATABASE_URL. Runs in the
comparison environment, which does not contain the platform.
"""

import os
from typing import Any

import psycopg2
from celery import Celery
from kombu import Queue

QUEUE = "bench.celery.v1"
TASK = "bench.thing_sold"
ACCEPT = "INSERT INTO inbox (consumer, event_id) VALUES ('bench.celery', %s) ON CONFLICT DO NOTHING"
EFFECT = "UPDATE product SET sold = sold + 1 WHERE id = %s"

app = Celery("bench", broker=os.environ.get("BENCH_AMQP_URL"))
app.conf.update(
    broker_transport_options={"confirm_publish": True},
    task_queues=[Queue(QUEUE, queue_arguments={"x-queue-type": "quorum"})],
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=16,
    worker_hijack_root_logger=False,
)

_connection: Any = None


def connection() -> Any:
    """One connection per worker process, opened on first use."""
    global _connection  # noqa: PLW0603
    if _connection is None:
        _connection = psycopg2.connect(os.environ["BENCH_DATABASE_URL"])
    return _connection


def thing_sold(event_id: str, product: int, text: str) -> None:  # noqa: ARG001  (as long as our event)
    with connection() as transaction, transaction.cursor() as cursor:
        cursor.execute(ACCEPT, (event_id,))
        if cursor.rowcount:
            cursor.execute(EFFECT, (product,))


app.task(name=TASK)(thing_sold)
