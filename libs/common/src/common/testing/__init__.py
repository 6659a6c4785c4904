"""For tests of services: databases of their own, signed tokens, a client on the real application, real deliveries."""

from common.testing.clients import serving
from common.testing.deliveries import NotHandledError, deliver, envelope_of, facts
from common.testing.exports import exported
from common.testing.polling import eventually, waits_for_a_lock
from common.testing.tokens import TestIssuer
from common.testing.transport import RecordingTransport

__all__ = [
    "NotHandledError",
    "RecordingTransport",
    "TestIssuer",
    "deliver",
    "envelope_of",
    "eventually",
    "exported",
    "facts",
    "serving",
    "waits_for_a_lock",
]
