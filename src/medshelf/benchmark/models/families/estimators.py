"""Models that are fitted on pixels: each module of `medshelf.benchmark.models.estimators`."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pkgutil import iter_modules

from medshelf.benchmark.models.model import Model

_PACKAGE = "medshelf.benchmark.models.estimators"


def names() -> list[str]:
    """Return the names of the modules that hold a model, with hyphens."""
    spec = find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec else None
    found = [each.name.replace("_", "-") for each in iter_modules(places or [])]
    return [name for name in found if find(name)]


def find(name: str) -> Model | None:
    """Return the model of that name, if there is a module that says how tables write it."""
    module = f"{_PACKAGE}.{name.replace('-', '_')}"
    if not name.replace("-", "_").isidentifier() or "_" in name or find_spec(module) is None:
        return None
    published = getattr(importlib.import_module(module), "PUBLISHED_NAME", None)
    return None if published is None else Model(name, published, "estimator")
