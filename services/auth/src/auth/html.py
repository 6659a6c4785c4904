"""HTML pages for the links in e-mails and for browsers that come back from an OpenID provider.

A GET shows a form and changes nothing, because mail scanners follow links; the form's POST acts. Forms post to paths
under /auth/forms, for which the gateway ignores cookies: a browser that is signed in may post them as well.
"""

from html import escape
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from common.errors import DukanError

LinkToken = Annotated[
    str,
    Query(min_length=1, max_length=200, description="of the link in the e-mail", examples=["h7Jd2kLm9QwXz4RtYb6NcVp1"]),
]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
HTML_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"example": "<!doctype html><title>Confirm your e-mail address</title>…"}}}
}
STYLE = "body{font-family:sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}input,button{font-size:1rem}"
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{style}</style></head>
<body><h1>{title}</h1>{content}</body>
</html>
"""


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=title, style=STYLE, content=content), status, HEADERS)


def error_page(title: str, error: DukanError) -> HTMLResponse:
    return page(title, f"<p>{escape(error.message)}.</p>", error.status)


def token_form(action: str, token: str, fields: str, button: str) -> str:
    """A form that posts the link's token beside `fields`, which is HTML."""
    return (
        f'<form method="post" action="{action}"><input type="hidden" name="token" value="{escape(token)}">'
        f"{fields}<button>{button}</button></form>"
    )


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of a posted form; empty if the body is not a form."""
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=10))
    except ValueError:
        return {}
