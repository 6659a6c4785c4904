"""A catalog that imports."""

import httpx
import pytest
from services.catalog.tests.imports.running import Importer

from common.web.service import Service


@pytest.fixture
def importer(catalog: Service, client: httpx.AsyncClient, staff: dict[str, str]) -> Importer:
    return Importer(catalog, client, staff)
