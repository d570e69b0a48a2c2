"""Pages with two faces: HTML for people, JSON for programs, both of one view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.convertors import Convertor, register_url_convertor

from medshelf.explorer.holdings import Holdings
from medshelf.explorer.language import LANGUAGES
from medshelf.explorer.rendering import render

Language = Annotated[Literal["en", "zh"], Path(description="Language of names and sentences")]


class _LanguageConvertor(Convertor[str]):
    """Match the languages alone: `/elsewhere` is no page in the language `elsewhere`."""

    regex = "|".join(LANGUAGES)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("language", _LanguageConvertor())


class View(BaseModel):
    """What a page shows; its JSON face is this and nothing else.

    Attributes:
        title: Of the page, in its language.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str


async def _holdings(request: Request) -> Holdings:  # async, or it would cost a thread
    found: Holdings = request.app.state.holdings
    return found


Held = Annotated[Holdings, Depends(_holdings)]
"""What this server shows, as a parameter of a page's function."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: an address, and the function that makes its view.

    Attributes:
        path: Below the language, e.g. `/datasets/{dataset}`.
        template: File of `templates/`.
        make: A function of path and query parameters, as FastAPI reads them, that returns a View.
            It takes `language: Language`, and `held: Held` if it needs what is held.
    """

    path: str
    template: str
    make: Callable[..., View]


@dataclass(slots=True)
class Site:
    """All pages, and what else has an address.

    Attributes:
        router: Where their addresses go.
        pages: Them.
    """

    router: APIRouter = field(default_factory=APIRouter)
    pages: list[Page] = field(default_factory=list)

    def add(self, page: Page) -> None:
        """Give a page its two faces, `/{language}{path}` and `/api/{language}{path}`."""
        self.pages.append(page)

        def as_html(request: Request, **asked: Any) -> Response:
            view = page.make(**asked)
            return HTMLResponse(render(page.template, view, asked["language"], request))

        def as_json(**asked: Any) -> Response:
            return Response(page.make(**asked).model_dump_json(), media_type="application/json")

        told = signature(page.make, eval_str=True)
        request = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
        parameters = [request, *told.parameters.values()]
        _declare(as_json, told.replace(return_annotation=Response))
        _declare(as_html, told.replace(parameters=parameters, return_annotation=Response))
        name = page.template.removesuffix(".html")
        self.router.add_api_route(
            f"/api/{{language:language}}{page.path}",
            as_json,
            response_model=told.return_annotation,
            name=f"{name}_json",
        )
        self.router.add_api_route(
            f"/{{language:language}}{page.path}", as_html, include_in_schema=False, name=name
        )


def _declare(face: Callable[..., Response], parameters: Signature) -> None:
    """Let FastAPI read the parameters of a page's function as those of its face."""
    face.__signature__ = parameters  # type: ignore[attr-defined]
