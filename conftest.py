"""Fixtures for every test of the workspace, and which of them may run at the same time."""

import pytest

pytest_plugins = ["common.testing.plugin"]

# Named after what there is one of on a broker: whoever consumes the dead letters takes everybody's.
BROKER_GROUP = "dead-letters"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, one alone uses the broker; of the rest, each file stays together for its fixtures' sake."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            group = BROKER_GROUP if item.get_closest_marker("broker") else item.path.as_posix()
            item.add_marker(pytest.mark.xdist_group(group))
