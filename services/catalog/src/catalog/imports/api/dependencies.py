"""What the routes of imports share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from common.jobs import Job


@dataclass(frozen=True, slots=True)
class ImportDependencies:
    """`max_unfinished` is per person; `job` runs the imports, if this process does."""

    max_unfinished: int
    job: Job


async def _dependencies(request: Request) -> ImportDependencies:
    dependencies: ImportDependencies = request.app.state.imports
    return dependencies


Imports = Annotated[ImportDependencies, Depends(_dependencies)]
