from services.auth.tests.harness import AuthApi, data


async def test_the_permissions_of_each_role_are_listed(api: AuthApi) -> None:
    table = {
        entry["role"]: {one["name"] for one in entry["permissions"]}
        for entry in data(await api.get("/auth/roles", await api.signed_in()))
    }
    assert list(table) == ["customer", "staff", "admin"]
    assert table["customer"] == set() < table["staff"] < table["admin"]
    rejected = await api.get("/users", await api.signed_in())
    assert (rejected.status_code, "accounts.read" in rejected.json()["message"]) == (403, True)
    assert "accounts.read" in table["staff"]
