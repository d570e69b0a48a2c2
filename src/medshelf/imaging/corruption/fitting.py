"""Which corruptions can happen to which kind of picture.

The twelve two-dimensional MedMNIST sets have the corruptions that MedMNIST-C gives them; other
sets have those of their modality, a term of the catalog.

Source of the sets' lists: Di Salvo et al. 2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

from collections.abc import Sequence

from medshelf.imaging.corruption.corruptions import corruptions

_DIGITAL = ("pixelate", "jpeg-compression")
_NOISE = ("gaussian-noise", "speckle-noise", "impulse-noise", "shot-noise")
_BRIGHTNESS = ("brightness-up", "brightness-down")
_CONTRAST = ("contrast-up", "contrast-down")
_GAMMA = ("gamma-up", "gamma-down")
_SLIDE = (
    *(*_DIGITAL, "defocus-blur", "motion-blur", *_BRIGHTNESS, *_CONTRAST),
    *("saturate", "stain-deposit", "bubble"),
)
_RADIOGRAPH = (*_DIGITAL, *_NOISE, "gaussian-blur", *_BRIGHTNESS, *_CONTRAST, *_GAMMA)
_DERMOSCOPY = (
    *(*_DIGITAL, *_NOISE, "defocus-blur", "motion-blur", "zoom-blur", *_BRIGHTNESS, *_CONTRAST),
    *("black-corner", "characters"),
)
_FUNDUS = (
    *(*_DIGITAL, "gaussian-noise", "speckle-noise", "defocus-blur", "motion-blur"),
    *("brightness-down", "contrast-down"),
)
_OCT = (*_DIGITAL, "speckle-noise", "defocus-blur", "motion-blur", "contrast-down")
_BREAST = (*_DIGITAL, "speckle-noise", "motion-blur", *_BRIGHTNESS, "contrast-down")
_FLUORESCENCE = (*_DIGITAL, "impulse-noise", "gaussian-blur", *_BRIGHTNESS, *_CONTRAST)
_PHOTO = (*_DERMOSCOPY[:-2], "saturate")
_TOMOGRAPHY = ("pixelate", "gaussian-noise", "gaussian-blur", "motion-blur", *_CONTRAST, *_GAMMA)
_ANY = (*_DIGITAL, "gaussian-noise", "gaussian-blur", *_BRIGHTNESS, *_CONTRAST)

OF_SET = {
    "bloodmnist": _SLIDE,
    "breastmnist": _BREAST,
    "chestmnist": _RADIOGRAPH,
    "dermamnist": _DERMOSCOPY,
    "octmnist": _OCT,
    "organamnist": _RADIOGRAPH,
    "organcmnist": _RADIOGRAPH,
    "organsmnist": _RADIOGRAPH,
    "pathmnist": _SLIDE,
    "pneumoniamnist": _RADIOGRAPH,
    "retinamnist": _FUNDUS,
    "tissuemnist": _FLUORESCENCE,
}
"""MedMNIST set to corruptions."""

OF_MODALITY = {
    "adaptive-optics": _OCT,
    "angiography": (*_TOMOGRAPHY, "bias-field"),
    "cbct": (*_TOMOGRAPHY, "shot-noise"),
    "colposcopy": _PHOTO,
    "confocal-microscopy": _FLUORESCENCE,
    "ct": _RADIOGRAPH,
    "dermoscopy": _DERMOSCOPY,
    "electron-microscopy": (*_FLUORESCENCE, "gaussian-noise", "shot-noise"),
    "endoscopy": _PHOTO,
    "fmri": (*_TOMOGRAPHY, "bias-field"),
    "fundus": _FUNDUS,
    "histopathology": _SLIDE,
    "infrared-reflectance": _FUNDUS,
    "mammography": (*_RADIOGRAPH, "characters"),
    "microscopy": _SLIDE,
    "mri": (*_TOMOGRAPHY, "bias-field"),
    "oct": _OCT,
    "octa": _OCT,
    "pet": (*_TOMOGRAPHY, "shot-noise"),
    "photo": _PHOTO,
    "surgical-microscopy": _PHOTO,
    "ultrasound": (*_BREAST, "acoustic-shadow"),
    "x-ray": (*_RADIOGRAPH, "characters"),
}
"""Term of the catalog to corruptions; other terms have those that any picture may have."""


def fitting(
    dataset: str, modalities: Sequence[str], *, channels: int, volumes: bool
) -> tuple[str, ...]:
    """Return the corruptions that fit a dataset, in the order of `corruptions`.

    Args:
        dataset: Catalog id; a MedMNIST set has its own list.
        modalities: Terms of the catalog; several give the union.
        channels: 1 or 3; what needs colour is left out of grey sets.
        volumes: Three spatial axes; what is drawn on a picture is left out.
    """
    lists = [OF_MODALITY[each] for each in modalities if each in OF_MODALITY] or [_ANY]
    wanted = set(OF_SET.get(dataset) or [name for each in lists for name in each])
    return tuple(
        name
        for name, each in corruptions().items()
        if name in wanted and each.suits(channels=channels, volumes=volumes)
    )
