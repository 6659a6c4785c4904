"""For tests of services: databases, signed tokens, a client on the real application, real deliveries."""

from common.testing.clients import run_service
from common.testing.deliveries import NotHandledError, cloud_event_of, deliver, facts
from common.testing.exports import exported_data
from common.testing.polling import eventually, waits_for_a_lock
from common.testing.tokens import TestIssuer
from common.testing.transport import RecordingTransport

__all__ = [
    "NotHandledError",
    "RecordingTransport",
    "TestIssuer",
    "cloud_event_of",
    "deliver",
    "eventually",
    "exported_data",
    "facts",
    "run_service",
    "waits_for_a_lock",
]
