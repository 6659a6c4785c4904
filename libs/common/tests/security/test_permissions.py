"""The permissions of each role."""

from typing import get_args

import pytest

from common.security.permissions import GRANTS, PERMISSIONS, Permission, least_role, permits


def test_each_permission_is_granted_to_one_role_and_inherited_by_those_after_it() -> None:
    granted = [permission for permissions in GRANTS.values() for permission in permissions]
    assert sorted(granted) == sorted(get_args(Permission))
    assert PERMISSIONS["customer"] < PERMISSIONS["staff"] < PERMISSIONS["admin"] == set(granted)


@pytest.mark.parametrize(
    ("roles", "may_manage_orders", "may_manage_keys"),
    [
        ({"customer"}, False, False),
        ({"staff"}, True, False),
        ({"admin"}, True, True),
        ({"customer", "admin"}, True, True),
        ({"owner of everything"}, False, False),
        (set(), False, False),
    ],
)
def test_a_role_has_its_own_permissions_and_those_of_the_roles_before_it(
    roles: set[str], may_manage_orders: bool, may_manage_keys: bool
) -> None:
    assert permits(roles, "orders.manage") is may_manage_orders
    assert permits(roles, "signing_keys.manage") is may_manage_keys


def test_the_least_role_of_a_permission_is_the_one_that_lists_it() -> None:
    assert [least_role(permission) for permission in ("stock.manage", "signing_keys.manage")] == ["staff", "admin"]
