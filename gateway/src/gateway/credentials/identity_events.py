"""Applies auth's events about sessions and signing keys to the verifier and to open connections."""

import logging

from common.bus.transport import Transport
from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.events.cloudevent import CloudEvent
from common.security.verification import VerifierRefresh
from gateway.credentials.connection_registry import ConnectionRegistry

log = logging.getLogger(__name__)


async def apply_identity_events(
    transport: Transport, verification: VerifierRefresh, connections: ConnectionRegistry
) -> None:
    """Subscribe; each event is effective when its callback returns."""
    types = {event.type: event for event in VerifierRefresh.EVENTS}

    def apply(cloud_event: CloudEvent) -> None:
        try:
            event = types[cloud_event.type].model_validate_json(cloud_event.data)
            verification.on_event(event)
            match event:
                case SessionRevoked():
                    connections.on_session_revoked(event.session_id)
                case SigningKeysWithdrawn():
                    connections.on_keys_withdrawn()
        except Exception:
            # The embedded bus calls this while it publishes: an error must not fail the publisher.
            log.exception("%s could not be applied", cloud_event.type)

    await transport.listen(list(types), apply)
