"""The web app: pages, pixels, errors as pages."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from medshelf.core.version import __version__
from medshelf.explorer import failures, media, pages
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.language import preferred
from medshelf.explorer.pixels.seen import Pixels
from medshelf.explorer.site import Site

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_NOT_COMPRESSED = ("/media/", "/static/")


class _Compressed:
    """Compress HTML and JSON; pixels and files of the package go as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, minimum_size=1_000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        plain = path.startswith(_NOT_COMPRESSED) or path.endswith(".parquet")
        await (self._plain if plain else self._compressed)(scope, receive, send)


def build(holdings: Holdings) -> FastAPI:
    """Return the app, unguarded; `guard` is what keeps strangers out.

    Every module of `pages/` has `register(site)`, which adds what it shows.
    """
    app = FastAPI(
        title="medshelf explorer",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=failures.SCHEMA,
    )
    app.state.holdings = holdings
    app.state.pixels = Pixels(holdings)
    app.state.site = site = Site(app.router)
    media.register(site)  # first, as routes are tried in turn, and a gallery asks for many pictures
    for name in sorted(each.name for each in iter_modules(pages.__path__)):
        import_module(f"medshelf.explorer.pages.{name}").register(site)
    app.add_api_route("/", _first, include_in_schema=False)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    static = str(files("medshelf.explorer").joinpath("static"))
    app.mount("/static", StaticFiles(directory=static), name="static")
    app.add_middleware(_Compressed)
    failures.install(app)
    return app


async def _first(request: Request) -> Response:
    language = preferred(request.headers.get("accept-language", ""))
    return RedirectResponse(f"/{language}/", headers={"Vary": "Accept-Language"})


async def _health() -> Response:
    return PlainTextResponse("ok")
