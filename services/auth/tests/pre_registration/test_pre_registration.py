from services.auth.tests.harness import AuthApi, bearer, data


async def test_pre_registrations_are_stored_once_and_exported_without_formulas(api: AuthApi) -> None:
    for name in ("=HYPERLINK(1)", 'Asha, of "Mwanza"', "Asha"):
        body = {"email": "early@shop.test", "first_name": name}
        data(await api.post("/auth/pre-register", body), 202)
    data(await api.post("/auth/pre-register", {"email": "+late@shop.test"}), 202)
    admin = await api.admin()
    listed = await api.get("/auth/pre-register?page_size=1", admin)
    assert [row["email"] for row in data(listed)] == ["+late@shop.test"]
    assert listed.json()["meta"]["total"] == 2
    exported = await api.http.get("/api/v1/auth/pre-register", headers=bearer(admin) | {"Accept": "text/csv"})
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    lines = exported.text.splitlines()
    assert lines[0] == "email,first_name,last_name,created_at"
    assert lines[1].startswith("early@shop.test,'=HYPERLINK(1),,20")
    assert lines[2].startswith("'+late@shop.test,,,20")
    assert (await api.get("/auth/pre-register", await api.signed_in())).status_code == 403
