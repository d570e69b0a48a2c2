"""Views into HTML: every value is escaped, every link is checked."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jinja2

from medshelf.core.version import __version__
from medshelf.explorer.language import LANGUAGES, say

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel


def render(template: str, view: BaseModel, language: str, request: Request) -> str:
    """Return the HTML face of a view.

    Templates see the view as `view`, its address as `here`, and `t("page.name", ...)` for texts.
    """
    path = request.url.path
    return (
        _environment()
        .get_template(template)
        .render(
            view=view,
            t=partial(say, language=language),
            language=language,
            here=f"{path}?{request.url.query}" if request.url.query else path,
            other_language=_other(language),
            in_other_language=_elsewhere(request, _other(language)),
            as_json=f"/api{path}" + (f"?{request.url.query}" if request.url.query else ""),
            version=__version__,
        )
    )


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with separated thousands; a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"  # noqa: RUF001 - a dash, for people


def safe_link(url: str | None) -> str:
    """Return an http or https address, else an empty text."""
    return url if url and urlsplit(url).scheme in {"http", "https"} else ""


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("medshelf.explorer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "safe_link": safe_link}
    return made


def _other(language: str) -> str:
    return next(each for each in LANGUAGES if each != language)


def _elsewhere(request: Request, language: str) -> str:
    rest = request.url.path.split("/", 2)[2:]
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{'/'.join([language, *rest])}{query}"
