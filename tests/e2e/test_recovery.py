"""From the mailbox: an address confirmed, and a forgotten password replaced."""

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


async def post(shop: Platform, path: str, body: Any, status: int = 200) -> Any:
    answer = await shop.http.post(f"{API}{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


async def letter(shop: Platform, to: str, subject: str) -> str:
    """The text of the letter, once it has arrived."""

    async def arrived() -> EmailMessage | None:
        found = await asyncio.to_thread(messages, shop.data)
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
    """The page's form, sent as a browser sends it."""
    action, fields = re.search(r'action="([^"]*)"', page.text), re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    assert action is not None, page.text
    return await browser.post(urljoin(str(page.url), action.group(1)), data=dict(fields))


async def registered(shop: Platform) -> str:
    email = f"r-{uuid4().hex[:12]}@example.com"
    await post(shop, "/auth/register", {"email": email, "password": OLD}, 201)
    return email


async def test_an_address_is_confirmed_with_the_code_of_its_letter(shop: Platform) -> None:
    email = await registered(shop)
    code = code_in(await letter(shop, email, "Confirm your e-mail address"))
    await post(shop, "/auth/email/confirm", {"email": email, "code": code})
    signed_in = await post(shop, "/auth/login", {"email": email, "password": OLD})
    assert signed_in["user"]["email_confirmed"] is True


async def test_the_letters_link_shows_a_page_at_the_gateway_whose_form_confirms(shop: Platform) -> None:
    email = await registered(shop)
    link = link_in(await letter(shop, email, "Confirm your e-mail address"))
    assert link.startswith(f"{shop.url}{API}/auth/email/confirm?token=")
    page = await shop.http.get(link)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    done = await submitted(shop.http, page)
    assert (done.status_code, "is confirmed" in done.text) == (200, True)


async def test_a_browser_that_is_signed_in_by_cookies_confirms_by_the_page_as_well(shop: Platform) -> None:
    email = await registered(shop)
    link = link_in(await letter(shop, email, "Confirm your e-mail address"))
    async with httpx.AsyncClient(base_url=shop.url, timeout=30, trust_env=False) as browser:
        login = {"email": email, "password": OLD, "cookies": True}
        assert (await browser.post(f"{API}/auth/login", json=login)).status_code == 200
        done = await submitted(browser, await browser.get(link))
        assert (done.status_code, "is confirmed" in done.text) == (200, True)
        assert (await browser.get(f"{API}/auth/me")).json()["data"]["email_confirmed"] is True


async def test_a_forgotten_password_is_replaced_by_code_and_the_old_session_is_over(shop: Platform) -> None:
    email = await registered(shop)
    before = await post(shop, "/auth/login", {"email": email, "password": OLD})
    await post(shop, "/auth/otp/send", {"email": email, "purpose": "reset_password"}, 202)
    code = code_in(await letter(shop, email, "Choose a new password"))
    grant = (await post(shop, "/auth/otp/verify", {"email": email, "code": code}))["grant"]
    await post(shop, "/auth/password/reset", {"grant": grant, "new_password": NEW})
    await post(shop, "/auth/refresh", {"refresh_token": before["refresh_token"]}, 401)
    await post(shop, "/auth/login", {"email": email, "password": OLD}, 401)
    await post(shop, "/auth/login", {"email": email, "password": NEW})
    await letter(shop, email, "Your password was changed")


async def test_neither_journal_nor_mail_log_ever_shows_a_code(shop: Platform) -> None:
    email = await registered(shop)
    text = await letter(shop, email, "Confirm your e-mail address")
    token = link_in(text).partition("token=")[2]

    async def journaled() -> list[Any]:
        query = "SELECT data::text AS row FROM event WHERE type = $1 AND data->>'email' = $2"
        return await shop.sql("operations", query, EmailConfirmationRequested.type, email)

    rows = [str(row["row"]) for row in await eventually(journaled)]
    rows += [str(dict(row)) for row in await shop.sql("notifications", "SELECT * FROM email")]
    assert not [row for row in rows if token in row or f'"{code_in(text)}"' in row]
