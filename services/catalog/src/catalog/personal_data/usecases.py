"""Export what catalog stores about a person."""

from catalog.personal_data.store import EXPORT_QUERIES
from common.contracts.auth import ExportRequested
from common.contracts.catalog import CatalogDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction


async def export_personal_data(tx: Transaction, request: ExportRequested) -> None:
    """Publishes CatalogDataGathered. Picture files are not included: the person can load them from /media."""
    await publish_export_parts(tx, request, EXPORT_QUERIES, CatalogDataGathered)
