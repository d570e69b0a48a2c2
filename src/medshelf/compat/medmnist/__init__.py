"""The face of the PyPI package `medmnist` 3.x: its names, on medshelf's files and metrics.

A script switches by its import line: `from medshelf.compat import medmnist`. What differs is listed
in docs/medmnist.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "3.0.2"
"""The release of `medmnist` whose face this is."""

if TYPE_CHECKING:
    from medshelf.compat.medmnist import dataset, evaluator, info
    from medshelf.compat.medmnist.dataset import (
        OCTMNIST,
        AdrenalMNIST3D,
        BloodMNIST,
        BreastMNIST,
        ChestMNIST,
        DermaMNIST,
        FractureMNIST3D,
        NoduleMNIST3D,
        OrganAMNIST,
        OrganCMNIST,
        OrganMNIST3D,
        OrganMNISTAxial,
        OrganMNISTCoronal,
        OrganMNISTSagittal,
        OrganSMNIST,
        PathMNIST,
        PneumoniaMNIST,
        RetinaMNIST,
        SynapseMNIST3D,
        TissueMNIST,
        VesselMNIST3D,
    )
    from medshelf.compat.medmnist.evaluator import Evaluator, getACC, getAUC, save_results
    from medshelf.compat.medmnist.info import DEFAULT_ROOT, HOMEPAGE, INFO

__all__ = [
    "DEFAULT_ROOT",
    "HOMEPAGE",
    "INFO",
    "OCTMNIST",
    "AdrenalMNIST3D",
    "BloodMNIST",
    "BreastMNIST",
    "ChestMNIST",
    "DermaMNIST",
    "Evaluator",
    "FractureMNIST3D",
    "NoduleMNIST3D",
    "OrganAMNIST",
    "OrganCMNIST",
    "OrganMNIST3D",
    "OrganMNISTAxial",
    "OrganMNISTCoronal",
    "OrganMNISTSagittal",
    "OrganSMNIST",
    "PathMNIST",
    "PneumoniaMNIST",
    "RetinaMNIST",
    "SynapseMNIST3D",
    "TissueMNIST",
    "VesselMNIST3D",
    "dataset",
    "evaluator",
    "getACC",
    "getAUC",
    "info",
    "save_results",
]


def __getattr__(name: str) -> Any:
    """Import the three modules on first use, so that importing the face costs nothing."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    # Not `from medshelf.compat.medmnist import ...`: that asks this function again.
    import medshelf.compat.medmnist.dataset
    import medshelf.compat.medmnist.evaluator
    import medshelf.compat.medmnist.info

    modules = medshelf.compat.medmnist
    for module in (modules.info, modules.evaluator, modules.dataset):
        if name == module.__name__.rpartition(".")[2]:
            return module
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(name)


def __dir__() -> list[str]:
    """List the names before they are imported."""
    return sorted({*globals(), *__all__})
