"""What this is, of which parts it is made, which keys it knows, and what it is not for."""

from __future__ import annotations

import platform
from importlib import metadata

from pydantic import BaseModel, ConfigDict

from medshelf.core.version import __version__
from medshelf.explorer.language import say
from medshelf.explorer.site import Language, Page, Site, View
from medshelf.explorer.vendoring import packages, wanting

_PARTS = ("fastapi", "jinja2", "numpy", "pillow", "polars", "pydantic", "starlette", "uvicorn")
_KEYS = {
    "search": ("/",),
    "next": ("j", "→"),
    "previous": ("k", "←"),
    "open": ("Enter",),
    "back": ("Esc",),
    "slice": ("[", "]", "PageUp", "PageDown"),
    "masks": ("m",),
    "boxes": ("b",),
    "window": ("w",),
    "invert": ("i",),
    "gallery": ("g",),
    "language": ("l",),
    "help": ("?",),
}


class Part(BaseModel):
    """Software that these pages are made with.

    Attributes:
        name: Of the package.
        version: The installed one, or the one that is missing.
        licence: As its authors state it; null where they state none in a word.
        missing: Whether it is JavaScript whose files are absent or altered.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    licence: str | None
    missing: bool = False


class AboutView(View):
    """What makes these pages, and what they know.

    Attributes:
        parts: medshelf, Python, and the packages that the pages need.
        keys: What a key does, as a name of this interface, to the keys.
        missing: Whether a part is missing.
    """

    parts: tuple[Part, ...]
    keys: dict[str, tuple[str, ...]]
    missing: bool


def about(language: Language) -> AboutView:
    """Return the versions of what runs here."""
    absent = {each.name for each in wanting()}
    parts = [
        Part(name="medshelf", version=__version__, licence="Apache-2.0"),
        Part(name="python", version=platform.python_version(), licence="PSF-2.0"),
        *(
            Part(name=each, version=metadata.version(each), licence=_licence(each))
            for each in _PARTS
        ),
        *(
            Part(
                name=each.name,
                version=each.version,
                licence=each.licence,
                missing=each.name in absent,
            )
            for each in packages()
        ),
    ]
    title = say("about.title", language)
    return AboutView(title=title, parts=tuple(parts), keys=_KEYS, missing=bool(absent))


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/about", "about.html", about))


def _licence(package: str) -> str | None:
    stated = metadata.metadata(package)
    for field in ("License-Expression", "License"):
        for words in stated.get_all(field) or ():
            if "\n" not in words:
                return str(words)
    marks = (str(each) for each in stated.get_all("Classifier") or ())
    return next((each.rpartition(":: ")[2] for each in marks if each.startswith("License")), None)
