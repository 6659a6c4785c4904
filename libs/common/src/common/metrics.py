"""Every metric of the platform. Dashboards and alerts are written against this list and nothing else.

All are labelled by `service`, because one process may hold several. Times are in seconds.
"""

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

http_requests = Counter("dukan_http_requests_total", "Requests answered.", ["service", "method", "route", "status"])
http_duration = Histogram(
    "dukan_http_request_seconds", "Time to answer a request.", ["service", "method", "route"], buckets=FAST
)
http_in_flight = Gauge("dukan_http_in_flight", "Requests being answered now.", ["service"])

outbox_pending = Gauge("dukan_outbox_pending", "Events committed and not yet published.", ["service"])
outbox_oldest = Gauge("dukan_outbox_oldest_seconds", "Age of the oldest unpublished event.", ["service"])
outbox_dead = Gauge("dukan_outbox_dead", "Events that can never be published.", ["service"])
published = Counter("dukan_events_published_total", "Events confirmed by the broker.", ["service", "type"])
publish_failures = Counter("dukan_publish_failures_total", "Publishes refused, returned or timed out.", ["service"])
publish_duration = Histogram(
    "dukan_publish_seconds", "Time from a publish to its confirm, per relay batch.", ["service"], buckets=FAST
)
unrouted = Counter("dukan_events_unrouted_total", "Events that no queue wanted.", ["service", "type"])

handled = Counter("dukan_events_handled_total", "Events by what became of them.", ["service", "consumer", "outcome"])
handler_duration = Histogram(
    "dukan_handler_seconds", "Time a handler's transaction took.", ["service", "consumer", "outcome"], buckets=FAST
)
delivery_lag = Histogram(
    "dukan_delivery_lag_seconds", "From the event's time to its handled commit.", ["service", "consumer"], buckets=SLOW
)
inbox_duplicates = Counter("dukan_inbox_duplicates_total", "Deliveries already accepted.", ["service", "consumer"])
retries = Counter("dukan_event_retries_total", "Attempts put off to a retry tier.", ["service", "consumer", "tier"])
dead_letters = Counter("dukan_dead_letters_total", "Events given up on.", ["service", "consumer"])
dead_letter_depth = Gauge("dukan_dead_letter_depth", "Messages in a dead-letter queue.", ["service", "queue"])
queue_consumers = Gauge("dukan_queue_consumers", "Consumers attached to a queue.", ["service", "queue"])
broker_connected = Gauge("dukan_broker_connected", "1 while the broker connection stands.", ["service"])

saga_orders = Gauge("dukan_saga_orders", "Unfinished checkouts by state.", ["service", "state"])
saga_oldest = Gauge("dukan_saga_oldest_seconds", "Age of the oldest unfinished checkout.", ["service", "state"])

job_runs = Counter("dukan_job_runs_total", "Runs of clocked jobs.", ["service", "job", "outcome"])
job_duration = Histogram("dukan_job_seconds", "Time a run of a job took.", ["service", "job"], buckets=SLOW)

tokens_refused = Counter("dukan_tokens_refused_total", "Access tokens refused, by reason.", ["reason"])
