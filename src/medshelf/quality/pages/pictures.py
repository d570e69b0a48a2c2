"""Samples to look at on a page: a montage, and some in full."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from medshelf.core.errors import MedshelfError, MissingExtraError
from medshelf.core.issues import Issue
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.looking.look import look
from medshelf.dataset.looking.thumbnails import thumbnails
from medshelf.report.page import Picture

_N_MONTAGE, _WIDTH, _EDGE = 40, 880, 96
_N_IN_FULL = 2
_N_ISSUES, _N_OF_ISSUE = 20, 16
_NAMING = ("sample_id", "sample_id_2")
_SEED = 0


def pictures_of(dataset: Dataset) -> tuple[Picture, ...]:
    """Return a montage of up to 40 samples and two in full, drawn at random with a fixed seed.

    What cannot be shown is a grey tile; where nothing can, there is no picture.

    Raises:
        MissingExtraError: A format needs a package that is not installed.
    """
    chosen = np.random.default_rng(_SEED).permutation(len(dataset))[:_N_MONTAGE]
    samples = [dataset.sample(int(each)) for each in np.sort(chosen)]
    n_columns = min(_WIDTH // _EDGE, max(1, math.ceil(math.sqrt(len(samples) * 2))))
    found = []
    try:
        montage, _ = thumbnails(samples, n_columns, _EDGE)
        found.append(Picture(_png(montage), ", ".join(each.id for each in samples)))
    except MissingExtraError:
        raise
    except MedshelfError:  # no image among them: the samples may still have texts to show
        pass
    for each in chosen[:_N_IN_FULL]:
        sample = dataset.sample(int(each))
        found.append(Picture(_png(look(sample)), sample.id, sample.id))
    return tuple(found)


def pictures_of_issues(dataset: Dataset, issues: Sequence[Issue]) -> dict[str, Picture]:
    """Return small pictures of what Issues are about, by the id of the Issue.

    Samples that evidence names together stand side by side. Up to 20 Issues have up to 16 samples;
    those that cannot be shown have none.

    Raises:
        MissingExtraError: A format needs a package that is not installed.
    """
    found = {}
    for issue in issues[:_N_ISSUES]:
        named = [each[key] for each in issue.evidence for key in _NAMING if each.get(key)]
        ids = list(dict.fromkeys([*map(str, named), *issue.samples[:_N_OF_ISSUE]]))[:_N_OF_ISSUE]
        try:
            picture, _ = thumbnails(map(dataset.find, ids), min(len(ids), _WIDTH // _EDGE), _EDGE)
            found[issue.id] = Picture(_png(picture), ", ".join(ids), ", ".join(ids))
        except MissingExtraError:
            raise
        except MedshelfError:
            continue
    return found


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
