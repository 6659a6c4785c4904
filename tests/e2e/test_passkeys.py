"""Passkeys through the gateway: registered in a session, then used to sign in."""

from services.auth.tests.passkeys.authenticator import Authenticator

from .platform import API, Platform


async def test_a_passkey_is_registered_and_signs_in_over_the_gateway(platform: Platform) -> None:
    person = await platform.customer()
    authenticator = Authenticator(origin=f"http://localhost:{platform.port}", site="localhost")
    options = await person.post("/auth/passkeys/options")
    assert options.status_code == 200, options.text
    made = await person.post("/auth/passkeys", {"credential": authenticator.create(options.json()["data"])})
    assert made.status_code == 201, made.text

    asked = await platform.http.post(f"{API}/auth/login/passkey/options")
    answer = {"credential": authenticator.get(asked.json()["data"])}
    signed_in = await platform.http.post(f"{API}/auth/login/passkey", json=answer)
    again = await platform.http.post(f"{API}/auth/login/passkey", json=answer)

    assert signed_in.status_code == 200, signed_in.text
    assert (again.status_code, again.json()["code"]) == (401, "passkey_not_accepted")
    mine = {"Authorization": f"Bearer {signed_in.json()['data']['access_token']}"}
    assert (await platform.http.get(f"{API}/auth/me", headers=mine)).json()["data"]["id"] == person.id
