"""The tour of accounts that `dukan demo identity` walks: from registering to being erased and brought back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from dukan.mail import letters
from dukan.walk import API, Walk, expect

CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)


@dataclass
class IdentityTour(Walk):
    """`mailbox` is the data folder whose local mailbox gets this person's letters."""

    mailbox: Path = field(kw_only=True)
    recovery_codes: list[str] = field(default_factory=list)
    key: dict[str, Any] = field(default_factory=dict)
    read: int = 0

    def route(self) -> Sequence[tuple[str, Callable[[], str]]]:
        return [
            ("register", self.register),
            ("confirm the address from the mail", self.confirm),
            ("sign in", self.sign_in),
            ("turn on a second factor", self.turn_on_totp),
            ("a password alone no longer signs in", self.sign_in_by_factor),
            ("look at the devices", self.look_at_devices),
            ("make an API key", self.make_key),
            ("use it", self.use_key),
            ("revoke it; it is refused", self.revoke_key),
            ("reset the password by a code", self.reset_password),
            ("sign in with the new password", self.sign_in_by_factor),
            ("cookies need the CSRF token to change anything", self.use_cookies),
            ("take home all that is kept about oneself", self.export),
            ("delete the account; nobody signs in", self.delete),
            ("an administrator restores it", self.restore),
        ]

    def confirm(self) -> str:
        self.post("/auth/email/confirm", 200, email=self.email, code=self.code_from_mail())
        return "confirmed"

    def turn_on_totp(self) -> str:
        secret = self.post("/auth/mfa/totp", 201, password=self.password)["secret"]
        code = app_code(secret)
        self.recovery_codes = self.post("/auth/mfa/totp/confirm", 200, code=code)["recovery_codes"]
        return f"{len(self.recovery_codes)} recovery codes"

    def sign_in_by_factor(self) -> str:
        self.token = None
        login = {"email": self.email, "password": self.password}
        asked = self.http.post(f"{API}/auth/login", json=login)
        expect(asked.json()["code"] == "otp_required", f"no second factor was asked for: {asked.text[:200]}")
        answer = self.post("/auth/login", 200, **login, otp=self.recovery_codes.pop())
        self.token = answer["access_token"]
        return "with a recovery code"

    def look_at_devices(self) -> str:
        devices = self.get("/auth/devices")
        expect(bool(devices), "this device is not on the list")
        return ", ".join(str(device["name"]) for device in devices)

    def make_key(self) -> str:
        self.key = self.post("/api-keys", 201, name="till", scopes=["read"])
        return f"{self.key['prefix']}…, {', '.join(self.key['scopes'])}"

    def use_key(self) -> str:
        expect(self.by_key("GET", "/auth/me").status_code == 200, "the key was refused")
        refused = self.by_key("PATCH", "/auth/me", {"city": "Mwanza"}).json()["code"]
        expect(refused == "insufficient_scope", f"a key that may read changed something: {refused}")
        return "reads, and may not write"

    def revoke_key(self) -> str:
        gone = self.http.delete(f"{API}/api-keys/{self.key['id']}", headers=self.credentials())
        expect(gone.is_success, f"it could not be revoked: {gone.text[:200]}")
        self.until("the key to be refused", lambda: self.by_key("GET", "/auth/me").status_code == 401)
        return "401"

    def reset_password(self) -> str:
        before, self.token = self.token, None
        self.post("/auth/otp/send", 202, email=self.email, purpose="reset_password")
        proof = self.post("/auth/otp/verify", 200, email=self.email, code=self.code_from_mail())
        self.password = f"walk-{uuid4().hex[:12]}"
        self.post("/auth/password/reset", 200, grant=proof["grant"], new_password=self.password)
        self.token = before
        self.until("the old session to end", lambda: self.status_of("/auth/me") == 401)
        return "all sessions ended"

    def use_cookies(self) -> str:
        login = {"email": self.email, "password": self.password, "otp": self.recovery_codes.pop(), "cookies": True}
        with httpx.Client(base_url=self.http.base_url, timeout=self.http.timeout, trust_env=False) as browser:
            signed_in = browser.post(f"{API}/auth/login", json=login)
            expect(signed_in.is_success, f"no cookies: {signed_in.text[:200]}")
            bare = browser.patch(f"{API}/auth/me", json={"city": "Mwanza"})
            expect(bare.status_code == 403, f"a change without CSRF token was answered with {bare.status_code}")
            token = next(value for name, value in browser.cookies.items() if "csrf" in name)
            done = browser.patch(f"{API}/auth/me", json={"city": "Mwanza"}, headers={"X-CSRF-Token": token})
            expect(done.is_success, f"the change was refused: {done.text[:200]}")
        return f"403 without, {done.status_code} with it"

    def export(self) -> str:
        document = self.until("the export", self.gathered)
        [account] = document["services"]["auth"]["account"]
        expect(account["email"] == self.email, f"the export is about {account['email']}")
        return f"from {', '.join(document['services'])}"

    def gathered(self) -> Any:
        """All of it, once every service has answered."""
        answer = self.http.get(f"{API}/auth/me/export", headers=self.credentials())
        expect(answer.status_code in (200, 202), f"the export was answered with {answer.status_code}")
        return answer.json()["data"] if answer.status_code == 200 else None

    def delete(self) -> str:
        proof = {"password": self.password, "code": self.recovery_codes.pop()}
        gone = self.http.request("DELETE", f"{API}/auth/me", json=proof, headers=self.credentials())
        expect(gone.is_success, f"the account was not deleted: {gone.text[:200]}")
        self.token = None
        refused = self.http.post(f"{API}/auth/login", json={"email": self.email, "password": self.password})
        expect(refused.status_code == 401, f"the deleted account got {refused.status_code}")
        return "401, as for an account that never was"

    def restore(self) -> str:
        self.token = self.admin_token()
        self.post(f"/users/{self.user_id}/restore", 200)
        return self.sign_in_by_factor()

    def by_key(self, verb: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(
            verb, f"{API}{path}", json=body, headers={"Authorization": f"ApiKey {self.key['key']}"}
        )

    def code_from_mail(self) -> str:
        """The code of the newest letter that has not been read here."""

        def find() -> str | None:
            mine = [letter for letter in letters(self.mailbox) if letter["To"] == self.email]
            bodies = [str(body.get_content()) for letter in mine if (body := letter.get_body(("plain",)))]
            codes = [found.group(1) for body in bodies if (found := CODE.search(body))]
            return codes[-1] if len(codes) > self.read else None

        code = str(self.until("a letter with a code", find))
        self.read += 1
        return code


def app_code(secret: str) -> str:
    """What an authenticator app would show now for this secret."""
    from pyotp import TOTP  # noqa: PLC0415 (only this tour needs it)

    return TOTP(secret).at(datetime.now(UTC))
