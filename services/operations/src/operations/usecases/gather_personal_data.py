"""What operations keeps about a person: what the journal says of them, and their requests."""

from common.contracts.auth import ExportRequested
from common.contracts.operations import OperationsDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction

EVENTS = """
SELECT id, type, time, data - 'sealed' - 'public_key' AS data FROM event
WHERE coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id') = ($1::uuid)::text ORDER BY id DESC
"""
REQUESTS = """
SELECT request_id, at, method, path, status, service, ip, user_agent, times FROM request
WHERE user_id = $1 ORDER BY id DESC
"""

KINDS = {"requests": REQUESTS, "events": EVENTS}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, OperationsDataGathered)
