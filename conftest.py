"""Fixtures for every test of the workspace, and how `pytest -n` distributes the tests over its workers."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import gateway  # noqa: F401  (before pytest takes the folder `gateway` for a package of that name)

pytest_plugins = ["common.testing.plugin"]

# Tests that share a running platform stay on one worker; these groups take longest, so they start first.
EXPOSED_PLATFORM = ("tests/e2e/test_schema.py", "tests/e2e/test_hostile_http.py", "tests/e2e/test_openapi.py")
GROUPS = ("exposed platform", "platform in processes", "embedded platform")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return GroupScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _priority(item.nodeid))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """One unit of work per group or file. xdist's own `loadgroup` ignores its marks under pytest 9."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order of the items is that of pytest_collection_modifyitems

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The group of a test, else its file."""
    path, _, name = nodeid.partition("::")
    if path in EXPOSED_PLATFORM:
        return "exposed platform"
    if path.startswith("tests/e2e/") and path != "tests/e2e/test_oidc.py":
        return "platform in processes" if "[processes" in name else "embedded platform"
    return path


def _priority(nodeid: str) -> tuple[int, str]:
    group = group_of(nodeid)
    if group in GROUPS:
        return GROUPS.index(group), group
    return len(GROUPS) + (not group.startswith("tests/")), group
