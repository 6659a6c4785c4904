"""The audit log, as staff read it."""

from datetime import timedelta
from typing import Any

from services.auth.tests.harness import PASSWORD, AuthApi, claims, data, problem

from common.clock import FixedClock


async def entries(api: AuthApi, admin: dict[str, Any], **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await api.get("/auth/audit", admin, params=query))
    return found


async def test_every_attempt_is_recorded_with_its_client(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    headers = {"X-Forwarded-For": "203.0.113.9", "User-Agent": "curl/8.5.0", "X-Request-ID": "the-request"}
    await api.login(person["user"]["email"], "a wrong guess", headers=headers)
    wrong, right, made = await entries(api, admin, account=person["user"]["id"])
    assert (made["action"], made["outcome"]) == ("register", "succeeded")
    assert (right["action"], right["outcome"], right["session_id"]) == ("sign_in", "succeeded", claims(person)["sid"])
    assert (wrong["action"], wrong["outcome"]) == ("sign_in", "wrong_password")
    assert (wrong["address"], wrong["user_agent"], wrong["request_id"]) == ("203.0.113.9", "curl/8.5.0", "the-request")
    assert PASSWORD not in str([wrong, right, made])


async def test_the_audit_log_is_filtered_and_paged(api: AuthApi, time: FixedClock) -> None:
    admin, person = await api.admin(), await api.registered()
    begun = time.now()
    for guess in range(5):
        time.advance(timedelta(minutes=10))
        await api.login(person["email"], f"guess {guess}")
    outcome = {"action": "sign_in", "outcome": "wrong_password", "limit": 2}
    pages: list[list[dict[str, Any]]] = []
    cursor: dict[str, object] = {}
    admin = await api.admin()
    while not pages or cursor["cursor"]:
        answer = await api.get("/auth/audit", admin, params=outcome | cursor)
        pages.append(data(answer))
        cursor = {"cursor": answer.json()["meta"]["next_cursor"]}
    ids = [entry["id"] for page in pages for entry in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert ids == sorted(ids, reverse=True)
    span = {"from": (begun + timedelta(minutes=20)).isoformat(), "to": (begun + timedelta(minutes=40)).isoformat()}
    assert len(await entries(api, admin, action="sign_in", outcome="wrong_password", **span)) == 2


async def test_the_audit_log_requires_staff_and_a_valid_cursor(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    assert problem(await api.get("/auth/audit", person), 403) == (None, "forbidden")
    assert (await api.get("/auth/audit")).status_code == 401
    for cursor in ("x", "0", "-1", "9" * 30, "1.5"):
        assert problem(await api.get(f"/auth/audit?cursor={cursor}", admin), 422) == ("cursor", "invalid_cursor")
    assert problem(await api.get("/auth/audit?account=me", admin), 422)[0] == "account"
    assert problem(await api.get("/auth/audit?from=yesterday", admin), 422)[0] == "from"


async def test_administrative_actions_record_the_actor(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    path = f"/users/{person['user']['id']}"
    acts = {"role": "staff", "first_name": "Zawadi"}
    data(await api.patch(path, acts, admin))
    for act in ("logout", "deactivate", "activate"):
        data(await api.act(f"{path}/{act}", admin))
    found = await entries(api, admin, account=person["user"]["id"], limit=5)
    events = [(entry["action"], entry["outcome"], entry["actor_id"]) for entry in reversed(found)]
    expected = [("edit_user", "succeeded"), ("change_role", "staff"), ("logout_all", "by_admin")]
    expected += [("deactivate", "succeeded"), ("activate", "succeeded")]
    assert events == [(*act, admin["user"]["id"]) for act in expected]
    assert found[-1]["detail"] == {"fields": ["first_name"]}
