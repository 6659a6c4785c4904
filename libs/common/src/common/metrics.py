"""Every metric of the platform: dashboards and alerts use these only.

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
TOKENS_REJECTED = Counter("dukan_tokens_rejected_total", "Access tokens rejected, by reason.", ["reason"])

# Outbox and relay
OUTBOX_PENDING = Gauge("dukan_outbox_pending", "Events committed and not yet published.", ["service"])
OUTBOX_OLDEST_SECONDS = Gauge("dukan_outbox_oldest_seconds", "Age of the oldest unpublished event.", ["service"])
OUTBOX_DEAD = Counter("dukan_outbox_dead_total", "Events that can never be published.", ["service"])
PUBLISHED = Counter("dukan_events_published_total", "Events confirmed by the transport.", ["service"])
PUBLISH_FAILED = Counter("dukan_publish_failed_total", "Publishes rejected, returned or timed out.", ["service"])
PUBLISH_SECONDS = Histogram(
    "dukan_publish_seconds", "From a batch's first publish to its last confirm.", ["service"], buckets=FAST
)

# Broker
BROKER_CONNECTED = Gauge(
    "dukan_broker_connected", "1 while a connection to the broker is open.", ["service", "connection"]
)

# Consumers
HANDLED = Counter("dukan_events_handled_total", "Deliveries by outcome.", ["consumer", "type", "outcome"])
HANDLER_SECONDS = Histogram(
    "dukan_handler_seconds", "Time a handler's transaction took.", ["consumer", "type", "outcome"], buckets=FAST
)
COMMIT_TO_HANDLED_SECONDS = Histogram(
    "dukan_commit_to_handled_seconds", "From an event's time to its handled commit.", ["consumer"], buckets=SLOW
)
INBOX_DUPLICATES = Counter("dukan_inbox_duplicates_total", "Deliveries already accepted before.", ["consumer"])
DEAD_LETTERS = Gauge("dukan_dead_letters", "Dead letters neither replayed nor discarded, by queue.", ["queue"])
CONSUMER_STOPPED = Gauge(
    "dukan_consumer_stopped", "1 while a consumer is stopped at its limit of dead letters.", ["consumer"]
)

# Checkout
SAGA_ORDERS = Gauge("dukan_saga_orders", "Unfinished checkouts by state.", ["state"])
SAGA_OLDEST_SECONDS = Gauge("dukan_saga_oldest_seconds", "Age of the oldest unfinished checkout.", ["state"])

# Messages
MESSAGES_WITHOUT_PHONE = Counter(
    "dukan_messages_without_phone_total", "Order confirmations not sent because the customer has no phone number."
)

# Clocked jobs
JOB_RUNS = Counter("dukan_job_runs_total", "Runs of clocked jobs.", ["service", "job", "outcome"])
JOB_SECONDS = Histogram("dukan_job_seconds", "Time a run of a job took.", ["service", "job"], buckets=SLOW)

# Gateway
UPSTREAM_FAILED = Counter("dukan_upstream_failed_total", "Requests to a service that failed.", ["service", "cause"])
STREAMS = Gauge("dukan_gateway_streams", "Open WebSockets, event streams and long responses.")
BODIES = Gauge("dukan_gateway_bodies", "Request bodies that are still arriving.")
RATE_LIMITED = Counter("dukan_rate_limited_total", "Requests rejected by a rate limit.", ["policy"])
REQUEST_LOG_DROPPED = Counter("dukan_request_log_dropped_total", "Requests that could not be logged.")
CACHE_HITS = Counter("dukan_cache_hits_total", "Public reads answered from the gateway's cache.")
CACHE_MISSES = Counter("dukan_cache_misses_total", "Public reads that were not in the gateway's cache.")
