"""The pages that the links of letters lead to. A GET shows a form and changes nothing, because mail scanners follow
links; the form's POST does what the link is for.

Forms go to paths of their own, where the gateway takes cookies for nobody's: whoever is signed in may post them, too.
"""

from html import escape
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from auth.api.context import Forget, Identifying, RequestingClient
from auth.api.email import EmailConfirmation
from auth.api.password import Reset, reset
from common.errors import DukanError, Invalid
from common.web.dependencies import Begin

router = APIRouter()
forms = APIRouter(include_in_schema=False)

Token = Annotated[str, Query(min_length=1, max_length=200, description="of the letter's link")]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"example": "<!doctype html><title>Confirm your e-mail address</title>…"}}}
}
HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
STYLE = "body{font-family:sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}input,button{font-size:1rem}"
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{style}</style></head>
<body><h1>{title}</h1>{content}</body>
</html>
"""
CONFIRM = "Confirm your e-mail address"
CHOOSE = "Choose a new password"
TO_CHOOSE = (
    '<p><label>New password<br><input type="password" name="new_password" required minlength="8" maxlength="128"'
    ' autocomplete="new-password"></label></p>'
)


@router.get(
    "/auth/email/confirm",
    response_class=HTMLResponse,
    responses=ANSWER,
    summary="Page for the link of a confirmation letter",
)
async def get_confirm(token: Token) -> HTMLResponse:
    return page(CONFIRM, _form("../forms/email/confirm", token, "", "Confirm"))


@router.get(
    "/auth/password/reset", response_class=HTMLResponse, responses=ANSWER, summary="Page for the link of a reset letter"
)
async def get_reset(token: Token) -> HTMLResponse:
    return page(CHOOSE, _form("../forms/password/reset", token, TO_CHOOSE, "Save"))


@forms.post("/auth/forms/email/confirm")
async def post_confirm_form(
    request: Request, client: RequestingClient, begin: Begin, identification: Identifying
) -> HTMLResponse:
    try:
        body = EmailConfirmation(token=(await fields_of(request)).get("token", ""))
        async with begin() as tx:
            refusal = await body.redeem(tx, client, identification)
    except ValidationError:
        refusal = incomplete()
    return refused(CONFIRM, refusal) if refusal else page(CONFIRM, "<p>Your e-mail address is confirmed.</p>")


@forms.post("/auth/forms/password/reset")
async def post_reset_form(
    request: Request, client: RequestingClient, begin: Begin, identification: Identifying, forget: Forget
) -> HTMLResponse:
    fields = await fields_of(request)
    try:
        body = Reset(token=fields.get("token", ""), new_password=fields.get("new_password", ""))
        forget(await reset(body, client, begin, identification))
    except ValidationError:
        return refused(CHOOSE, incomplete())
    except DukanError as refusal:
        return refused(CHOOSE, refusal)
    return page(CHOOSE, "<p>Your password is changed. Sign in with it.</p>")


router.include_router(forms)


async def fields_of(request: Request) -> dict[str, str]:
    """Of a form as browsers send it; what is none has no fields."""
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=10))
    except ValueError:
        return {}


def incomplete() -> Invalid:
    return Invalid("The form is not complete; open the letter's link again", code="formincomplete", field="token")


def _form(action: str, token: str, fields: str, button: str) -> str:
    return (
        f'<form method="post" action="{action}"><input type="hidden" name="token" value="{escape(token)}">'
        f"{fields}<button>{button}</button></form>"
    )


def refused(title: str, refusal: DukanError) -> HTMLResponse:
    return page(title, f"<p>{escape(refusal.message)}.</p>", refusal.status)


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=title, style=STYLE, content=content), status, HEADERS)
