"""The text of a new record, to be filled in."""

from __future__ import annotations

import math
import re
from typing import get_args, get_origin

import yaml

from medshelf.catalog.authoring.fields import SECTIONS, allowed, field_hints, term_names
from medshelf.catalog.authoring.record_rules import BLANK
from medshelf.catalog.parts import Slug
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import record_paths
from medshelf.catalog.vocabulary import fold
from medshelf.core.errors import SettingError, UnknownNameError

_HEAD = f"""\
# A record of the catalog. Fill in every {BLANK}. Of the rest, write what is known, without the
# first #, and leave out what is not. Then: medshelf catalog validate FILE
"""


def skeleton(dataset: str, **values: object) -> str:
    """Make the YAML text of a new record.

    Required fields stand open, as `BLANK` where no value is given; the others are commented out.
    Above each stands what may be written there.

    Args:
        dataset: The id; the file is to be called `<id>.yaml`.
        values: Values of fields by name. A term may be given by any of its names.

    Raises:
        SettingError: The id is not in kebab case, or is taken.
        UnknownNameError: No field, or no term, is called so.
    """
    _check_id(dataset)
    hints = field_hints()
    for name in values:
        if name not in hints:
            raise UnknownNameError("field of a record", name, hints)
    given = {"id": dataset} | {
        name: _given(name, value, is_list=get_origin(hints[name]) is tuple)
        for name, value in values.items()
    }
    blocks = [_block(name, hint, given) for name, hint in hints.items()]
    return _HEAD + "\n" + "".join(blocks)


def _check_id(dataset: str) -> None:
    rule = get_args(Slug)[1].pattern
    if not re.search(rule, dataset):
        raise SettingError(f"{dataset!r} is no id of a record", f"Write {allowed(Slug)}")
    taken = record_paths().get(dataset)
    if taken:
        raise SettingError(f"The id {dataset!r} is that of {taken}", "Choose another id")


def _given(name: str, value: object, *, is_list: bool) -> object:
    if isinstance(value, str):
        term = _term(name, value)
        return [term] if is_list else term
    if isinstance(value, (list, tuple)):
        return [_term(name, each) if isinstance(each, str) else each for each in value]
    return value


def _term(name: str, text: str) -> str:
    section = SECTIONS.get((name,)) or SECTIONS.get((name, "*"))
    if section is None:
        return text
    names = term_names(section)
    if fold(text) not in names:
        raise UnknownNameError(section.replace("_", " "), text, names)
    return names[fold(text)]


def _block(name: str, hint: object, given: dict[str, object]) -> str:
    required = Record.model_fields[name].is_required()
    comment = f"# {allowed(hint, name, most=60 if required else 12)}\n"
    if name in given:
        return comment + _yaml(name, given[name])
    if required:
        return comment + _yaml(name, [BLANK] if get_origin(hint) is tuple else BLANK)
    return f"# {name}:  {comment}"


def _yaml(name: str, value: object) -> str:
    flow = None if isinstance(value, (list, dict)) else False
    return yaml.safe_dump(
        {name: value}, allow_unicode=True, default_flow_style=flow, sort_keys=False, width=math.inf
    )
