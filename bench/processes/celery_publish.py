"""Publish Celery tasks, each confirmed by the broker, as fast as one client can.

Arguments: {"count": …}, with BENCH_AMQP_URL.
"""

import json
import sys
import time
from uuid import uuid4

from bench.processes.celery_tasks import TASK, app

if __name__ == "__main__":
    given = json.load(sys.stdin)
    count, text = given["count"], "x" * 60
    with app.producer_pool.acquire(block=True) as producer:
        app.send_task(TASK, (str(uuid4()), 0, text), producer=producer)
        started, cpu = time.perf_counter(), time.process_time()
        for number in range(count - 1):
            app.send_task(TASK, (str(uuid4()), number % 100, text), producer=producer)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"count": count - 1, "seconds": seconds, "cpu": cpu}), flush=True)
