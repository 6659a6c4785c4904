"""E-mails with codes: confirmation of an address, and password reset."""

import asyncio
import re
from email.message import EmailMessage
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import httpx

from common.contracts.auth import EmailConfirmationRequested
from common.testing import eventually
from dukan.mail import messages

from .platform import API, Platform

OLD, NEW = "a-long-way-to-mwanza", "a-longer-way-to-kigoma"


async def post(platform: Platform, path: str, body: Any, status: int = 200) -> Any:
    answer = await platform.http.post(f"{API}{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


async def email_message(platform: Platform, to: str, subject: str) -> str:
    """The text of the e-mail, once it has arrived."""

    async def arrived() -> EmailMessage | None:
        found = await asyncio.to_thread(messages, platform.data)
        return next((mail for mail in found if (mail["To"], mail["Subject"]) == (to, subject)), None)

    mail = await eventually(arrived, within=30)
    assert mail is not None
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    return str(body.get_content())


def code_in(text: str) -> str:
    found = re.search(r"^\s*([0-9]{6})\s*$", text, re.MULTILINE)
    assert found is not None, text
    return found.group(1)


def link_in(text: str) -> str:
    found = re.search(r"^http\S+$", text, re.MULTILINE)
    assert found is not None, text
    return found.group()


async def submitted(browser: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """Submit the page's form as a browser does."""
    action, fields = re.search(r'action="([^"]*)"', page.text), re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    assert action is not None, page.text
    return await browser.post(urljoin(str(page.url), action.group(1)), data=dict(fields))


async def registered(platform: Platform) -> str:
    email = f"r-{uuid4().hex[:12]}@example.com"
    await post(platform, "/auth/register", {"email": email, "password": OLD}, 201)
    return email


async def test_an_address_is_confirmed_with_the_code_from_its_email(platform: Platform) -> None:
    email = await registered(platform)
    code = code_in(await email_message(platform, email, "Confirm your e-mail address"))
    await post(platform, "/auth/email/confirm", {"email": email, "code": code})
    signed_in = await post(platform, "/auth/login", {"email": email, "password": OLD})
    assert signed_in["user"]["email_confirmed"] is True


async def test_the_link_in_the_email_shows_a_page_whose_form_confirms(platform: Platform) -> None:
    email = await registered(platform)
    link = link_in(await email_message(platform, email, "Confirm your e-mail address"))
    assert link.startswith(f"{platform.url}{API}/auth/email/confirm?token=")
    page = await platform.http.get(link)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    done = await submitted(platform.http, page)
    assert (done.status_code, "is confirmed" in done.text) == (200, True)


async def test_a_browser_signed_in_by_cookies_can_submit_the_form(platform: Platform) -> None:
    email = await registered(platform)
    link = link_in(await email_message(platform, email, "Confirm your e-mail address"))
    async with httpx.AsyncClient(base_url=platform.url, timeout=30, trust_env=False) as browser:
        login = {"email": email, "password": OLD, "cookies": True}
        assert (await browser.post(f"{API}/auth/login", json=login)).status_code == 200
        done = await submitted(browser, await browser.get(link))
        assert (done.status_code, "is confirmed" in done.text) == (200, True)
        assert (await browser.get(f"{API}/auth/me")).json()["data"]["email_confirmed"] is True


async def test_a_password_reset_by_code_ends_the_old_session(platform: Platform) -> None:
    email = await registered(platform)
    before = await post(platform, "/auth/login", {"email": email, "password": OLD})
    await post(platform, "/auth/otp/send", {"email": email, "purpose": "reset_password"}, 202)
    code = code_in(await email_message(platform, email, "Choose a new password"))
    grant = (await post(platform, "/auth/otp/verify", {"email": email, "code": code}))["grant"]
    await post(platform, "/auth/password/reset", {"grant": grant, "new_password": NEW})
    await post(platform, "/auth/refresh", {"refresh_token": before["refresh_token"]}, 401)
    await post(platform, "/auth/login", {"email": email, "password": OLD}, 401)
    await post(platform, "/auth/login", {"email": email, "password": NEW})
    await email_message(platform, email, "Your password was changed")


async def test_codes_appear_neither_in_the_journal_nor_in_the_email_log(platform: Platform) -> None:
    email = await registered(platform)
    text = await email_message(platform, email, "Confirm your e-mail address")
    token = link_in(text).partition("token=")[2]

    async def journaled() -> list[Any]:
        query = "SELECT data::text AS row FROM event WHERE type = $1 AND data->>'email' = $2"
        return await platform.sql("operations", query, EmailConfirmationRequested.type, email)

    rows = [str(row["row"]) for row in await eventually(journaled)]
    rows += [str(dict(row)) for row in await platform.sql("notifications", "SELECT * FROM email")]
    assert not [row for row in rows if token in row or f'"{code_in(text)}"' in row]
