"""The scenario of `dukan demo identity`: an account from registration to deletion and restoration."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from dukan.mail import messages
from dukan.scenario import API, Scenario, expect

CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)


@dataclass
class IdentityScenario(Scenario):
    """`mailbox` is the data folder of the local mailbox that receives this user's e-mails."""

    mailbox: Path = field(kw_only=True)
    recovery_codes: list[str] = field(default_factory=list)
    key: dict[str, Any] = field(default_factory=dict)
    read: int = 0

    def steps(self) -> Sequence[tuple[str, Callable[[], str]]]:
        return [
            ("register", self.register),
            ("confirm the e-mail address", self.confirm),
            ("sign in", self.sign_in),
            ("turn on a second factor", self.turn_on_totp),
            ("sign in with a recovery code", self.sign_in_by_factor),
            ("list the devices", self.list_devices),
            ("create an API key", self.create_key),
            ("use it", self.use_key),
            ("revoke it; it is rejected", self.revoke_key),
            ("reset the password by a code", self.reset_password),
            ("sign in with the new password", self.sign_in_by_factor),
            ("cookies require the CSRF token", self.use_cookies),
            ("export one's data", self.export),
            ("delete the account; sign-in fails", self.delete),
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
        expect(asked.json()["code"] == "otp_required", f"no second factor was required: {asked.text[:200]}")
        answer = self.post("/auth/login", 200, **login, otp=self.recovery_codes.pop())
        self.token = answer["access_token"]
        return "with a recovery code"

    def list_devices(self) -> str:
        devices = self.get("/auth/devices")
        expect(bool(devices), "this device is not on the list")
        return ", ".join(str(device["name"]) for device in devices)

    def create_key(self) -> str:
        self.key = self.post("/api-keys", 201, name="till", scopes=["read"])
        return f"{self.key['prefix']}…, {', '.join(self.key['scopes'])}"

    def use_key(self) -> str:
        expect(self.by_key("GET", "/auth/me").status_code == 200, "the key was rejected")
        code = self.by_key("PATCH", "/auth/me", {"city": "Mwanza"}).json()["code"]
        expect(code == "insufficient_scope", f"a key that may read changed something: {code}")
        return "may read, may not write"

    def revoke_key(self) -> str:
        response = self.http.delete(f"{API}/api-keys/{self.key['id']}", headers=self.credentials())
        expect(response.is_success, f"it could not be revoked: {response.text[:200]}")
        self.until("the key to be rejected", lambda: self.by_key("GET", "/auth/me").status_code == 401)
        return "401"

    def reset_password(self) -> str:
        before, self.token = self.token, None
        self.post("/auth/otp/send", 202, email=self.email, purpose="reset_password")
        verified = self.post("/auth/otp/verify", 200, email=self.email, code=self.code_from_mail())
        self.password = f"walk-{uuid4().hex[:12]}"
        self.post("/auth/password/reset", 200, grant=verified["grant"], new_password=self.password)
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
            expect(done.is_success, f"the change was rejected: {done.text[:200]}")
        return f"403 without, {done.status_code} with it"

    def export(self) -> str:
        document = self.until("the export", self.find_export)
        [account] = document["services"]["auth"]["account"]
        expect(account["email"] == self.email, f"the export is about {account['email']}")
        return f"from {', '.join(document['services'])}"

    def find_export(self) -> Any:
        """The export, or None until every service has responded."""
        answer = self.http.get(f"{API}/auth/me/export", headers=self.credentials())
        expect(answer.status_code in (200, 202), f"the export was answered with {answer.status_code}")
        return answer.json()["data"] if answer.status_code == 200 else None

    def delete(self) -> str:
        reauthentication = {"password": self.password, "code": self.recovery_codes.pop()}
        response = self.http.request("DELETE", f"{API}/auth/me", json=reauthentication, headers=self.credentials())
        expect(response.is_success, f"the account was not deleted: {response.text[:200]}")
        self.token = None
        rejected = self.http.post(f"{API}/auth/login", json={"email": self.email, "password": self.password})
        expect(rejected.status_code == 401, f"the deleted account got {rejected.status_code}")
        return "401, as for an unknown account"

    def restore(self) -> str:
        self.token = self.admin_token()
        self.post(f"/users/{self.user_id}/restore", 200)
        return self.sign_in_by_factor()

    def by_key(self, verb: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(
            verb, f"{API}{path}", json=body, headers={"Authorization": f"ApiKey {self.key['key']}"}
        )

    def code_from_mail(self) -> str:
        """The code in the newest e-mail that this scenario has not read yet."""

        def find() -> str | None:
            mine = [message for message in messages(self.mailbox) if message["To"] == self.email]
            bodies = [str(body.get_content()) for message in mine if (body := message.get_body(("plain",)))]
            codes = [found.group(1) for body in bodies if (found := CODE.search(body))]
            return codes[-1] if len(codes) > self.read else None

        code = str(self.until("a message with a code", find))
        self.read += 1
        return code


def app_code(secret: str) -> str:
    """The code that an authenticator app shows now for this secret."""
    from pyotp import TOTP  # noqa: PLC0415 (a dependency of auth that only this scenario needs)

    return TOTP(secret).at(datetime.now(UTC))
