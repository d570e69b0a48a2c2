"""What this is, in which versions, and what it must not be used for."""

from __future__ import annotations

import platform
from importlib import metadata

from medshelf.core.version import __version__
from medshelf.explorer.language import say
from medshelf.explorer.site import Language, Page, Site, View

_PARTS = ("fastapi", "jinja2", "numpy", "pillow", "polars", "pydantic", "starlette", "uvicorn")


class AboutView(View):
    """Versions of everything that makes the pages.

    Attributes:
        versions: Package to version.
    """

    versions: dict[str, str]


def about(language: Language) -> AboutView:
    """Return the versions of what runs here."""
    versions = {"medshelf": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in _PARTS}
    return AboutView(title=say("about.title", language), versions=versions)


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/about", "about.html", about))
