"""The notices of events, by event type."""

from collections.abc import Callable, Mapping
from typing import Any

from common.contracts.event import Event
from notifications.notices.domain.accounts import ACCOUNT_NOTICES
from notifications.notices.domain.notice import Notice
from notifications.notices.domain.orders import ORDER_NOTICES

__all__ = ["ACCOUNT_NOTICES", "NOTICES", "ORDER_NOTICES", "Notice"]

NOTICES: Mapping[type[Event], Callable[[Any], Notice]] = {**ACCOUNT_NOTICES, **ORDER_NOTICES}
