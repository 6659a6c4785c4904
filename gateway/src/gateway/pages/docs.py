"""Swagger UI and ReDoc with assets served by the gateway, so that they work offline."""

from functools import partial
from importlib.resources import files

from gateway.pages.page import Content, Page, page

ASSETS = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "redoc.standalone.js": b"text/javascript; charset=utf-8",
    "favicon.png": b"image/png",
}
# ReDoc searches in a worker that it creates from a blob, and both write styles into the page.
PAGE_CSP = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
CACHE_FOR_A_DAY = (b"cache-control", b"public, max-age=86400")
# The only file that ReDoc's bundle would load from another site, for its footer.
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
HTML = b"text/html; charset=utf-8"
SCRIPT = b"text/javascript; charset=utf-8"

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dukan API</title>
<link rel="icon" href="/docs/assets/favicon.png">
{head}
</head>
<body>
<div id="api"></div>
<script src="/docs/assets/{bundle}"></script>
<script src="/docs/assets/{start}"></script>
</body>
</html>
"""
SWAGGER = TEMPLATE.format(
    head='<link rel="stylesheet" href="/docs/assets/swagger-ui.css">',
    bundle="swagger-ui-bundle.js",
    start="swagger.js",
)
REDOC = TEMPLATE.format(head="<style>body { margin: 0 }</style>", bundle="redoc.standalone.js", start="redoc.js")

START_SWAGGER = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#api", deepLinking: true, persistAuthorization: true, tryItOutEnabled: true,
  docExpansion: "none", filter: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset], layout: "BaseLayout",
});
"""
START_REDOC = """Redoc.init("/openapi.json", { disableGoogleFont: true }, document.getElementById("api"));
"""


def docs_pages() -> dict[str, Page]:
    """/docs, /redoc and their assets."""
    static = files("fastapi_offline") / "static"
    pages = {
        "/docs": _static(HTML, SWAGGER.encode()),
        "/redoc": _static(HTML, REDOC.encode()),
        "/docs/assets/swagger.js": _static(SCRIPT, START_SWAGGER.encode()),
        "/docs/assets/redoc.js": _static(SCRIPT, START_REDOC.encode()),
    }
    for name, content_type in ASSETS.items():
        asset = (static / name).read_bytes().replace(REDOC_LOGO, b"/docs/assets/favicon.png")
        pages[f"/docs/assets/{name}"] = _static(content_type, asset)
    return pages


def _static(content_type: bytes, body: bytes) -> Page:
    headers = [PAGE_CSP] if content_type == HTML else [CACHE_FOR_A_DAY]
    return page(partial(_content, Content(content_type, body, headers)))


async def _content(content: Content) -> Content:
    return content
