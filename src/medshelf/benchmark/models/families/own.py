"""A user's own network: `package.module:callable`.

The callable (a class or a function) is called with those of `channels`, `n_outputs`, `dimensions`
and `edge` that it takes by name, and returns a module that maps float32 images
(B, channels, *spatial) to logits (B, n_outputs).
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medshelf.benchmark.models.model import Model
from medshelf.core.errors import RunError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

    from medshelf.benchmark.protocol import Protocol

_NAME = re.compile(r"(?!monai:)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def names() -> list[str]:
    """Return nothing: the names are the user's."""
    return []


def find(name: str) -> Model | None:
    """Return the model that such a name asks for, whether or not it can be imported."""
    return Model(name, name, "network") if _NAME.fullmatch(name) else None


def build(name: str, protocol: Protocol, n_outputs: int) -> nn.Module:
    """Call the callable and try what it returns.

    Raises:
        RunError: It cannot be imported or called, or returns no network that gives logits.
        UnknownNameError: The module has no such class or function.
    """
    from medshelf.benchmark.models.probing import make, probe

    found = _callable(name)
    data = protocol.data
    known = {
        "channels": data.channels,
        "n_outputs": n_outputs,
        "dimensions": data.dimensions,
        "edge": data.edge,
    }
    return probe(make(found, _taken(found, known), name), name, data, n_outputs)


def _taken(found: Callable[..., Any], known: dict[str, int]) -> dict[str, int]:
    from torch import nn

    if getattr(found, "__init__", None) is nn.Module.__init__:
        return {}  # its signature says that it takes everything
    try:
        taken = inspect.signature(found).parameters.values()
    except ValueError:  # some that are written in C do not say what they take
        return {}
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken):
        return known
    return {each.name: known[each.name] for each in taken if each.name in known}


def _callable(name: str) -> Callable[..., Any]:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            problem = f"Model {name!r}: there is no module {error.name!r}"
            remedy = "Install it, or name its folder: PYTHONPATH=FOLDER medshelf"
            raise RunError(problem, remedy) from error
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error
    callables = {key: each for key, each in vars(module).items() if callable(each)}
    if attribute not in callables:
        public = sorted(key for key in callables if not key.startswith("_"))
        raise UnknownNameError(f"class or function of {module_name}", attribute, public)
    found: Callable[..., Any] = callables[attribute]
    return found


def _broken(name: str, error: Exception) -> RunError:
    problem = f"Model {name!r}: its module fails ({type(error).__name__}: {error})"
    return RunError(problem, "Correct the module")
