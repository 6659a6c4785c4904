"""The trail, as staff read it."""

from datetime import timedelta
from typing import Any

from services.auth.tests.harness import PASSWORD, Door, claims, data, problem

from common.clock import FixedClock


async def entries(door: Door, admin: dict[str, Any], **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await door.get("/auth/audit", admin, params=query))
    return found


async def test_every_attempt_is_on_the_trail_with_where_it_came_from(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    headers = {"X-Forwarded-For": "203.0.113.9", "User-Agent": "curl/8.5.0", "X-Request-ID": "the-request"}
    await door.login(person["user"]["email"], "a wrong guess", headers=headers)
    wrong, right, made = await entries(door, admin, account=person["user"]["id"])
    assert (made["action"], made["outcome"]) == ("register", "succeeded")
    assert (right["action"], right["outcome"], right["session_id"]) == ("sign_in", "succeeded", claims(person)["sid"])
    assert (wrong["action"], wrong["outcome"]) == ("sign_in", "wrong_password")
    assert (wrong["address"], wrong["user_agent"], wrong["request_id"]) == ("203.0.113.9", "curl/8.5.0", "the-request")
    assert PASSWORD not in str([wrong, right, made])


async def test_the_trail_is_filtered_and_read_page_by_page(door: Door, time: FixedClock) -> None:
    admin, person = await door.admin(), await door.registered()
    begun = time.now()
    for guess in range(5):
        time.advance(timedelta(minutes=10))
        await door.login(person["email"], f"guess {guess}")
    outcome = {"action": "sign_in", "outcome": "wrong_password", "limit": 2}
    pages: list[list[dict[str, Any]]] = []
    cursor: dict[str, object] = {}
    admin = await door.admin()
    while not pages or cursor["cursor"]:
        answer = await door.get("/auth/audit", admin, params=outcome | cursor)
        pages.append(data(answer))
        cursor = {"cursor": answer.json()["meta"]["next_cursor"]}
    ids = [entry["id"] for page in pages for entry in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert ids == sorted(ids, reverse=True)
    span = {"from": (begun + timedelta(minutes=20)).isoformat(), "to": (begun + timedelta(minutes=40)).isoformat()}
    assert len(await entries(door, admin, action="sign_in", outcome="wrong_password", **span)) == 2


async def test_the_trail_is_for_staff_and_a_cursor_of_somebody_elses_making_is_refused(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    assert problem(await door.get("/auth/audit", person), 403) == (None, "forbidden")
    assert (await door.get("/auth/audit")).status_code == 401
    for cursor in ("x", "0", "-1", "9" * 30, "1.5"):
        assert problem(await door.get(f"/auth/audit?cursor={cursor}", admin), 422) == ("cursor", "invalid_cursor")
    assert problem(await door.get("/auth/audit?account=me", admin), 422)[0] == "account"
    assert problem(await door.get("/auth/audit?from=yesterday", admin), 422)[0] == "from"


async def test_administrative_acts_name_who_did_them(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    path = f"/users/{person['user']['id']}"
    acts = {"role": "staff", "first_name": "Zawadi"}
    data(await door.patch(path, acts, admin))
    for act in ("logout", "deactivate", "activate"):
        data(await door.act(f"{path}/{act}", admin))
    found = await entries(door, admin, account=person["user"]["id"], limit=5)
    told = [(entry["action"], entry["outcome"], entry["actor_id"]) for entry in reversed(found)]
    expected = [("edit_user", "succeeded"), ("change_role", "staff"), ("logout_all", "by_admin")]
    expected += [("deactivate", "succeeded"), ("activate", "succeeded")]
    assert told == [(*act, admin["user"]["id"]) for act in expected]
    assert found[-1]["detail"] == {"fields": ["first_name"]}
