"""The errors of messaging, one class per code."""

from common.errors import Conflict, NotFound, RateLimited


class MessageNotFound(NotFound):
    """There is no such message."""


class ClientRefUsed(Conflict):
    code, field = "messaging.client_ref_used", "client_ref"
    message = "A message with this reference exists already"


class QuotaExceeded(RateLimited):
    """`retry_after` is the time until the sender's midnight."""

    code = "messaging.quota_exceeded"
    message = "Only 1000 messages may be sent per day"
