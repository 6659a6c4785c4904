"""The page that issuers send browsers back to where an installation has none of its own.

A GET shows a form and changes nothing; its POST signs the browser in by cookies, if it is the one that started.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from auth.api.oidc_visit import Finish, TheProvider, TheVisit
from auth.cookies import CookieJar
from auth.html import HTML_RESPONSE, error_page, form_fields, page
from auth.providers.oidc import Provider
from common.errors import DukanError, Invalid

router = APIRouter()
forms = APIRouter(include_in_schema=False)

State = Annotated[str, Query(max_length=4096, description="As it was sent out")]
Code = Annotated[str, Query(max_length=4096, description="What the issuer gives for the sign-in")]
Error = Annotated[str, Query(max_length=4096, description="Why the issuer let nobody in")]
Issuer = Annotated[str, Query(max_length=4096, description="The issuer by its own account (RFC 9207)")]
TITLE = "Signing you in with {}"
NAMES = ("state", "code", "error", "iss")
OTP = (
    '<p><label>Code of your authenticator app<br><input name="otp" required maxlength="20" inputmode="numeric"'
    ' autocomplete="one-time-code"></label></p>'
)


@router.get(
    "/auth/oidc/{provider}/callback",
    response_class=HTMLResponse,
    responses=HTML_RESPONSE,
    summary="Page that an issuer sends the browser back to",
)
async def get_callback(
    provider: TheProvider, state: State = "", code: Code = "", error: Error = "", iss: Issuer = ""
) -> HTMLResponse:
    given = dict(zip(NAMES, (state, code, error, iss), strict=True))
    return page(_title(provider), _form(provider, given, ""))


@forms.post("/auth/forms/oidc/{provider}")
async def post_callback_form(provider: TheProvider, visit: TheVisit) -> HTMLResponse:
    given = {name: text for name, text in (await form_fields(visit.request)).items() if text}
    try:
        body = Finish.model_validate({name: given.get(name) for name in (*NAMES, "otp")} | {"cookies": True})
        grant = await visit.sign_in(body, provider)
    except ValidationError:
        return error_page(_title(provider), Invalid("This is no answer of an issuer; start again"))
    except DukanError as refusal:
        if refusal.code in {"otp_required", "otp_invalid"}:
            return page(
                _title(provider), f"<p>{escape(refusal.message)}.</p>{_form(provider, given, OTP)}", refusal.status
            )
        return error_page(_title(provider), refusal)
    answer = page(_title(provider), '<p>You are signed in.</p><p><a href="/">Continue</a></p>')
    CookieJar(visit.request, answer, visit.identification).fill(grant)
    return answer


router.include_router(forms)


def _title(provider: Provider) -> str:
    return TITLE.format(escape(provider.display_name))


def _form(provider: Provider, given: dict[str, str], fields: str) -> str:
    # Leads there from the callback as from itself.
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(given.get(name, ""))}">' for name in NAMES)
    action = f"../../forms/oidc/{provider.name}"
    return f'<form method="post" action="{action}">{hidden}{fields}<button>Continue</button></form>'
