"""Days in the zone of the header or of the user, through the gateway."""

from uuid import uuid4

import pytest

from .platform import API, Platform

PATHS = ["/", "/health", f"{API}/products", f"{API}/categories/tree", f"{API}/auth/me", f"{API}/nothing"]


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_zone_is_400_also_on_pages_and_cached_responses(exposed: Platform, path: str) -> None:
    for _ in range(2):  # the second is in the gateway's cache, if it can be
        await exposed.http.get(path)
    for zone in ("Mars/Olympus", "+03:00", ""):
        answer = await exposed.http.get(path, headers={"timezone": zone})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_time_zone"), zone
        assert answer.json()["errors"][0]["field"] == "timezone"


async def test_the_zone_of_the_profile_counts_from_the_next_token_on(exposed: Platform) -> None:
    login = {"email": f"{uuid4().hex}@example.com", "password": "a-long-way-to-mwanza"}
    assert (await exposed.http.post(f"{API}/auth/register", json=login)).status_code == 201

    async def bearer() -> dict[str, str]:
        signed_in = await exposed.http.post(f"{API}/auth/login", json=login)
        return {"Authorization": f"Bearer {signed_in.json()['data']['access_token']}"}

    headers = await bearer()
    changed = await exposed.http.patch(f"{API}/auth/me", json={"time_zone": "Pacific/Kiritimati"}, headers=headers)
    assert changed.status_code == 200
    # In UTC this is half a day; on Kiritimati the day ends at 10:00 UTC, before the period begins.
    query = {"from": "2026-02-01T12:00:00Z", "to": "2026-02-01"}
    assert (await exposed.http.get(f"{API}/orders", params=query, headers=headers)).status_code == 200
    answer = await exposed.http.get(f"{API}/orders", params=query, headers=await bearer())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "from")
