"""All faults of the harness."""

from collections.abc import Sequence

from tests.chaos.broker_faults import BROKER_FAULTS
from tests.chaos.database_faults import DATABASE_FAULTS
from tests.chaos.faults import Fault
from tests.chaos.hostile import HOSTILE_FAULTS
from tests.chaos.link_faults import LINK_FAULTS
from tests.chaos.points import POINT_FAULTS
from tests.chaos.process_faults import PROCESS_FAULTS
from tests.chaos.provider_faults import PROVIDER_FAULTS

FAULTS: Sequence[Fault] = (
    *PROCESS_FAULTS,
    *BROKER_FAULTS,
    *DATABASE_FAULTS,
    *LINK_FAULTS,
    *POINT_FAULTS,
    *HOSTILE_FAULTS,
    *PROVIDER_FAULTS,
)


def chosen(names: Sequence[str]) -> Sequence[Fault]:
    """The faults with these names, or all; a name ending in `*` matches by prefix. Raises ValueError for an unknown
    name.
    """
    if not names:
        return FAULTS
    found = [fault for fault in FAULTS if any(_named(fault, name) for name in names)]
    for name in names:
        if not any(_named(fault, name) for fault in found):
            raise ValueError(f"there is no fault {name!r}: choose from {', '.join(fault.name for fault in FAULTS)}")
    return found


def _named(fault: Fault, name: str) -> bool:
    return fault.name.startswith(name[:-1]) if name.endswith("*") else fault.name == name
