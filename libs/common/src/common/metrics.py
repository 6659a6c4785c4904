"""Every metric of the platform. Dashboards and alerts are written against this list and nothing else.

Times are in seconds. `service` is a label because one process may hold several; `consumer` begins with its service.
"""

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# HTTP
REQUESTS = Counter("dukan_http_requests_total", "Requests answered.", ["service", "method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "dukan_http_request_seconds", "Time to answer a request.", ["service", "method", "route"], buckets=FAST
)
TOKENS_REFUSED = Counter("dukan_tokens_refused_total", "Access tokens refused, by reason.", ["reason"])

# Outbox and relay
OUTBOX_PENDING = Gauge("dukan_outbox_pending", "Events committed and not yet published.", ["service"])
OUTBOX_OLDEST_SECONDS = Gauge("dukan_outbox_oldest_seconds", "Age of the oldest unpublished event.", ["service"])
OUTBOX_DEAD = Counter("dukan_outbox_dead_total", "Events that can never be published.", ["service"])
PUBLISHED = Counter("dukan_events_published_total", "Events confirmed by the transport.", ["service"])
PUBLISH_FAILED = Counter("dukan_publish_failed_total", "Publishes refused, returned or timed out.", ["service"])
PUBLISH_SECONDS = Histogram(
    "dukan_publish_seconds", "From a batch's first publish to its last confirm.", ["service"], buckets=FAST
)

# Consumers
HANDLED = Counter("dukan_events_handled_total", "Deliveries by what became of them.", ["consumer", "type", "outcome"])
HANDLER_SECONDS = Histogram(
    "dukan_handler_seconds", "Time a handler's transaction took.", ["consumer", "type", "outcome"], buckets=FAST
)
COMMIT_TO_HANDLED_SECONDS = Histogram(
    "dukan_commit_to_handled_seconds", "From an event's time to its handled commit.", ["consumer"], buckets=SLOW
)
INBOX_DUPLICATES = Counter("dukan_inbox_duplicates_total", "Deliveries already accepted before.", ["consumer"])
CONSUMER_STOPPED = Gauge(
    "dukan_consumer_stopped", "1 while a consumer is stopped at its limit of dead letters.", ["consumer"]
)
DEAD_LETTERS = Gauge(
    "dukan_dead_letters", "Dead letters that wait for a decision, by the queue that failed.", ["queue"]
)

# Checkout
SAGA_ORDERS = Gauge("dukan_saga_orders", "Unfinished checkouts by state.", ["state"])
SAGA_OLDEST_SECONDS = Gauge("dukan_saga_oldest_seconds", "Age of the oldest unfinished checkout.", ["state"])

# Messages
MESSAGES_WITHOUT_PHONE = Counter(
    "dukan_messages_without_phone_total", "Order confirmations not sent, because the customer gave no phone."
)

# Clocked jobs
JOB_RUNS = Counter("dukan_job_runs_total", "Runs of clocked jobs.", ["service", "job", "outcome"])
JOB_SECONDS = Histogram("dukan_job_seconds", "Time a run of a job took.", ["service", "job"], buckets=SLOW)

# Gateway
UPSTREAM_FAILED = Counter(
    "dukan_upstream_failed_total", "Requests that a service did not answer.", ["service", "cause"]
)
STREAMS = Gauge("dukan_gateway_streams", "WebSockets, streams of events and long answers that are open.")
RATE_LIMITED = Counter("dukan_rate_limited_total", "Requests refused by a rate limit.", ["policy"])
REQUEST_LOG_DROPPED = Counter("dukan_request_log_dropped_total", "Answered requests that could not be logged.")
CACHE_HITS = Counter("dukan_cache_hits_total", "Public reads that the gateway answered from memory.")
CACHE_MISSES = Counter("dukan_cache_misses_total", "Public reads that could have been and were not.")
