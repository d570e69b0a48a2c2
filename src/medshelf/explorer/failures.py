"""Errors as pages and as JSON: what is wrong and what to do, never a traceback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from medshelf.core.errors import (
    MedshelfError,
    NotFetchedError,
    SettingError,
    UnknownNameError,
    UnsupportedError,
)
from medshelf.explorer.language import LANGUAGES, preferred, say
from medshelf.explorer.rendering import render
from medshelf.explorer.site import View

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_STATUS: dict[type[MedshelfError], int] = {
    UnknownNameError: 404,
    NotFetchedError: 404,
    UnsupportedError: 404,
    SettingError: 400,
}
_KEYS = {400: "bad", 403: "closed", 404: "missing", 405: "method", 413: "body", 414: "long"}
_COMMAND = re.compile(r"(?<=: )(?:medshelf|pip) [^;]+")


class Failure(View):
    """What an error page says.

    Attributes:
        status: Of HTTP.
        problem: What is wrong, in the language of the page, or of medshelf's own sentence.
        remedy: What to do about it.
        command: A line for the terminal that helps.
        parameter: The parameter of the address that makes no sense.
    """

    status: int
    problem: str | None = None
    remedy: str | None = None
    command: str | None = None
    parameter: str | None = None


SCHEMA: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Failure, "description": "There is no such thing, or a parameter is wrong"},
    "5XX": {"model": Failure, "description": "It could not be shown"},
}


def install(app: FastAPI) -> None:
    """Answer every error of the app with a page, or with JSON below `/api/` and `/media/`."""
    app.add_exception_handler(MedshelfError, _on_medshelf_error)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_surprise)


def failed(request: Request, status: int, **facts: str | None) -> Response:
    """Return the answer to a request that failed.

    Args:
        request: What was asked.
        status: Of HTTP.
        facts: Fields of `Failure`.
    """
    language = language_of(request)
    title = say(f"failure.{_KEYS.get(status, 'broken')}", language)
    view = Failure(title=title, status=status, **facts)
    if request.url.path.startswith(("/api/", "/media/")):
        return Response(view.model_dump_json(), status, media_type="application/json")
    return HTMLResponse(render("failure.html", view, language, request), status)


def language_of(request: Request) -> str:
    """Return the language of an address, else the reader's."""
    first, _, rest = request.url.path.lstrip("/").partition("/")
    named = rest.partition("/")[0] if first == "api" else first
    return named if named in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def _on_medshelf_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, MedshelfError):
        return _on_surprise(request, error)
    status = next((_STATUS[each] for each in type(error).__mro__ if each in _STATUS), 500)
    command = _COMMAND.search(error.remedy)
    return failed(
        request,
        status,
        problem=error.problem,
        remedy=error.remedy,
        command=command[0] if command else None,
    )


def _on_bad_parameter(request: Request, error: Exception) -> Response:
    """Answer 404 where the path names nothing, else 400 with the first parameter that is wrong."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    if any(each["loc"][0] == "path" for each in found):
        return failed(request, 404)
    (where, *inside), message = found[0]["loc"], found[0]["msg"]
    parameter = ".".join(map(str, inside)) or str(where)
    return failed(request, 400, problem=message, parameter=parameter)


def _on_http_error(request: Request, error: Exception) -> Response:
    return failed(request, error.status_code if isinstance(error, HTTPException) else 500)


def _on_surprise(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the log has it
    """Say nothing of what happened; the server logs it."""
    return failed(request, 500)
