"""How the gateway applies auth's events about sessions."""

from unittest.mock import create_autospec

import pytest

from common import clock
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.security.verification import VerifierRefresh
from common.testing import RecordingTransport
from gateway.credentials.connection_registry import ConnectionRegistry
from gateway.credentials.identity_events import apply_identity_events


async def test_an_error_does_not_reach_the_publisher(
    transport: RecordingTransport, caplog: pytest.LogCaptureFixture
) -> None:
    verification = create_autospec(VerifierRefresh, instance=True)
    connections = create_autospec(ConnectionRegistry, instance=True)
    verification.on_event.side_effect = [RuntimeError, None]
    await apply_identity_events(transport, verification, connections)
    event = SessionRevoked(session_id=new_id(), user_id=new_id(), expires_at=clock.now(), reason="logout")
    transport.tell(event)
    assert [record.exc_info is not None for record in caplog.records] == [True]
    transport.tell(event)
    connections.on_session_revoked.assert_called_once_with(event.session_id)
