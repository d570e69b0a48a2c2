"""The web app: pages, pixels, errors as pages."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from medshelf.core.version import __version__
from medshelf.explorer import pages
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.site import Site


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
    )
    app.state.holdings = holdings
    app.state.site = site = Site()
    for name in sorted(each.name for each in iter_modules(pages.__path__)):
        import_module(f"medshelf.explorer.pages.{name}").register(site)
    app.include_router(site.router)
    static = str(files("medshelf.explorer").joinpath("static"))
    app.mount("/static", StaticFiles(directory=static), name="static")
    return app
