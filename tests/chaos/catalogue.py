"""Every fault that the harness knows."""

from collections.abc import Sequence

from tests.chaos.faults import Fault

FAULTS: Sequence[Fault] = []
