"""SVG files as PNG, for where no browser draws them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medshelf.core.errors import MissingExtraError, ReportError

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_VARIABLE = re.compile(r"(--[\w-]+):\s*([^;}]+)")
_USE = re.compile(r"var\((--[\w-]+)\)")
_STYLE = re.compile(r"(?<=<style>).*?(?=</style>)", re.DOTALL)


def png(svg: str, scale: float = 2) -> bytes:
    """Draw an SVG file as PNG, in the colours of the light theme.

    Args:
        svg: A file of our own, with its style inside.
        scale: Pixels of the picture per pixel of the file.

    Raises:
        MissingExtraError: The package that draws is not installed.
        ReportError: It is no SVG file.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise MissingExtraError("resvg-py", "pictures") from error
    style = _STYLE.search(svg)
    css = style[0] if style else ""
    plain = _STYLE.sub(lambda _: _without_variables(css), svg)
    roots = {name: value.strip() for name, value in _VARIABLE.findall(_MEDIA.sub("", css))}
    plain = _USE.sub(lambda use: roots.get(use[1], use[0]), plain)
    try:
        return bytes(svg_to_bytes(svg_string=plain, zoom=scale))
    except ValueError as error:
        raise ReportError(f"The picture cannot be drawn ({error})", "Pass a whole SVG") from error


def _without_variables(css: str) -> str:
    """Return a style without `@media`, and with a rule per series where a series has a colour."""
    css = _MEDIA.sub("", _COMMENT.sub("", css))
    series = {}
    rules = []
    for selector, body in _RULE.findall(css):
        colour = re.search(r"--c:\s*([^;}]+)", body)
        if colour:
            series[selector.strip()] = colour[1].strip()
        elif selector.strip() != ":root" and ":hover" not in selector:
            rules.append((selector.strip(), body))
    return "\n".join(_rules(rules, series))


def _rules(rules: list[tuple[str, str]], series: dict[str, str]) -> Iterator[str]:
    for selector, body in rules:
        if "var(--c)" not in body:
            yield f"{selector} {{{body}}}"
            continue
        for each, colour in series.items():
            yield f"{each}{selector} {{{body.replace('var(--c)', colour)}}}"
