"""The dataset classes: one for each of the 18 sets, and the three old names of the organ sets."""

from __future__ import annotations

from typing import ClassVar

from medshelf.compat.medmnist.info import DEFAULT_ROOT, HOMEPAGE, INFO
from medshelf.compat.medmnist.samples import MedMNIST, MedMNIST2D, MedMNIST3D

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
    "FractureMNIST3D",
    "MedMNIST",
    "MedMNIST2D",
    "MedMNIST3D",
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
]


class PathMNIST(MedMNIST2D):
    """Colon tissue under the microscope."""

    flag: ClassVar[str] = "pathmnist"


class ChestMNIST(MedMNIST2D):
    """Chest X-rays, 14 findings each."""

    flag: ClassVar[str] = "chestmnist"


class DermaMNIST(MedMNIST2D):
    """Pigmented skin lesions."""

    flag: ClassVar[str] = "dermamnist"


class OCTMNIST(MedMNIST2D):
    """Optical coherence tomography of the retina."""

    flag: ClassVar[str] = "octmnist"


class PneumoniaMNIST(MedMNIST2D):
    """Chest X-rays of children with and without pneumonia."""

    flag: ClassVar[str] = "pneumoniamnist"


class RetinaMNIST(MedMNIST2D):
    """Fundus photographs, grades of diabetic retinopathy."""

    flag: ClassVar[str] = "retinamnist"


class BreastMNIST(MedMNIST2D):
    """Breast ultrasound."""

    flag: ClassVar[str] = "breastmnist"


class BloodMNIST(MedMNIST2D):
    """Blood cells under the microscope."""

    flag: ClassVar[str] = "bloodmnist"


class TissueMNIST(MedMNIST2D):
    """Kidney cortex cells under the microscope."""

    flag: ClassVar[str] = "tissuemnist"


class OrganAMNIST(MedMNIST2D):
    """Abdominal organs in axial CT slices."""

    flag: ClassVar[str] = "organamnist"


class OrganCMNIST(MedMNIST2D):
    """Abdominal organs in coronal CT slices."""

    flag: ClassVar[str] = "organcmnist"


class OrganSMNIST(MedMNIST2D):
    """Abdominal organs in sagittal CT slices."""

    flag: ClassVar[str] = "organsmnist"


class OrganMNIST3D(MedMNIST3D):
    """Abdominal organs in CT volumes."""

    flag: ClassVar[str] = "organmnist3d"


class NoduleMNIST3D(MedMNIST3D):
    """Lung nodules in CT volumes."""

    flag: ClassVar[str] = "nodulemnist3d"


class AdrenalMNIST3D(MedMNIST3D):
    """Shapes of adrenal glands."""

    flag: ClassVar[str] = "adrenalmnist3d"


class FractureMNIST3D(MedMNIST3D):
    """Rib fractures in CT volumes."""

    flag: ClassVar[str] = "fracturemnist3d"


class VesselMNIST3D(MedMNIST3D):
    """Shapes of brain vessels."""

    flag: ClassVar[str] = "vesselmnist3d"


class SynapseMNIST3D(MedMNIST3D):
    """Synapses in electron microscopy volumes."""

    flag: ClassVar[str] = "synapsemnist3d"


OrganMNISTAxial = OrganAMNIST
OrganMNISTCoronal = OrganCMNIST
OrganMNISTSagittal = OrganSMNIST
