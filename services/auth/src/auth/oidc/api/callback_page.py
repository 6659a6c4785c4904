"""The page that issuers send browsers back to, for installations without a page of their own.

A GET shows a form and changes nothing; its POST signs the browser in by cookies, if it is the one that started.
"""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from auth.cookies import CookieJar
from auth.errors import OidcCallbackInvalid, OtpInvalid, OtpRequired
from auth.html import HTML_RESPONSE, error_page, form_fields, page
from auth.oidc.api.callback import Callback, Finish, OneProvider
from auth.oidc.providers.provider import Provider
from common.errors import DukanError
from common.web.validation.checked_route import ignores_unknown_parameters

router = APIRouter()
forms = APIRouter(include_in_schema=False)

State = Annotated[str, Query(max_length=4096, description="As it was sent out", examples=["h7Jd2kLm9QwXz4RtYb6NcVp1"])]
Code = Annotated[
    str, Query(max_length=4096, description="The issuer's code for the sign-in", examples=["SplxlOBeZQQYbYS6WxSbIA"])
]
Error = Annotated[
    str, Query(max_length=4096, description="Why the issuer rejected the sign-in", examples=["access_denied"])
]
Issuer = Annotated[
    str, Query(max_length=4096, description="The issuer (RFC 9207)", examples=["https://login.company.example"])
]
TITLE = "Signing you in with {}"
PARAMETERS = ("state", "code", "error", "iss")
OTP_FIELD = (
    '<p><label>Code of your authenticator app<br><input name="otp" required maxlength="20" inputmode="numeric"'
    ' autocomplete="one-time-code"></label></p>'
)


@router.get(
    "/auth/oidc/{provider}/callback",
    response_class=HTMLResponse,
    responses=HTML_RESPONSE,
    summary="Page that an issuer sends the browser back to",
)
@ignores_unknown_parameters
async def get_callback(
    provider: OneProvider, state: State = "", code: Code = "", error: Error = "", iss: Issuer = ""
) -> HTMLResponse:
    parameters = dict(zip(PARAMETERS, (state, code, error, iss), strict=True))
    return page(_title(provider), _form(provider, parameters, ""))


@forms.post("/auth/forms/oidc/{provider}")
async def post_callback_form(provider: OneProvider, callback: Callback) -> HTMLResponse:
    fields = {name: text for name, text in (await form_fields(callback.request)).items() if text}
    title = _title(provider)
    try:
        body = Finish.model_validate({name: fields.get(name) for name in (*PARAMETERS, "otp")} | {"cookies": True})
        tokens = await callback.sign_in(body, provider)
    except ValidationError:
        return error_page(title, OidcCallbackInvalid())
    except (OtpRequired, OtpInvalid) as error:
        content = f"<p>{escape(error.message)}.</p>{_form(provider, fields, OTP_FIELD)}"
        return page(title, content, error.status)
    except DukanError as error:
        return error_page(title, error)
    response = page(title, '<p>You are signed in.</p><p><a href="/">Continue</a></p>')
    CookieJar(callback.request, response, callback.services).fill(tokens)
    return response


router.include_router(forms)


def _title(provider: Provider) -> str:
    return TITLE.format(escape(provider.display_name))


def _form(provider: Provider, values: dict[str, str], fields: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(values.get(name, ""))}">' for name in PARAMETERS
    )
    # The relative path is right from the callback page and from the form's own response.
    action = f"../../forms/oidc/{provider.name}"
    return f'<form method="post" action="{action}">{hidden}{fields}<button>Continue</button></form>'
