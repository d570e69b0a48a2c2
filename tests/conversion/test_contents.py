"""What samples hold, and that nothing of it is lost unless it is given up by name."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from medshelf.conversion.contents import CONTENTS, check_losses, contents
from medshelf.core import columns as c
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Meta
from medshelf.core.tasks import Task, TaskKind
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_rows, pictures, volumes

_FINDINGS = Task("findings", TaskKind.MULTI_LABEL, ("Effusion", "Mass"))


def _held(meta: Meta | None = None, **columns: pl.Expr) -> dict[str, int]:
    return contents(as_manifest(picture_rows().with_columns(**columns), Path("raw"), meta))


def _labels(**values: pl.Expr) -> dict[str, int]:
    return _held(Meta("x", "X", tasks=(_FINDINGS,)), labels=c.labels(values, "findings"))


def test_what_the_miniatures_hold(tmp_path: Path) -> None:
    n = N_PICTURES
    assert contents(pictures(tmp_path / "a")) == {
        "pictures": n, "masks": n, "boxes": n, "class": n,
    }  # fmt: skip
    assert contents(volumes(tmp_path / "b")) == {"volumes": 8, "masks": 8}


def test_labels_are_told_apart() -> None:
    one, zero, some = pl.lit(1.0), pl.lit(0.0), pl.when(pl.int_range(N_PICTURES) < 7).then(1.0)
    assert _labels(Effusion=one, Mass=zero)["findings"] == N_PICTURES
    assert "unstated" not in _labels(Effusion=one, Mass=zero)
    assert _labels(Effusion=some, Mass=zero)["unstated"] == N_PICTURES - 7
    uncertain = pl.when(pl.int_range(N_PICTURES) < 3).then(-1.0).otherwise(1.0)
    assert _labels(Effusion=uncertain, Mass=zero)["uncertain"] == 3
    assert _labels(Effusion=pl.lit(2.5), Mass=zero)["grades"] == N_PICTURES


@pytest.mark.parametrize(
    ("kind", "name"),
    [("polygon", "polygons"), ("ellipse", "polygons"), ("point", "points"), ("sphere", "solids")],
)
def test_shapes_are_told_apart(kind: str, name: str) -> None:
    points = pl.concat_list(*[pl.lit(float(each)) for each in (1, 2, 3, 4, 5, 6)])
    held = _held(shapes=c.entries(c.shape(kind, "x", points)))
    assert held[name] == N_PICTURES
    assert "boxes" not in held


def test_several_images_and_annotators() -> None:
    image = c.media("image", "a", path="a.png", member=None, format="png")
    other = c.media("image", "b", path="b.png", member=None, format="png", annotator="x")
    third = c.media("mask", "c", path="c.png", member=None, format="png", annotator="y")
    held = _held(media=c.entries(image, other, third))
    assert held["several-images"] == held["several-annotators"] == N_PICTURES


def test_words_are_told_apart() -> None:
    held = _held(
        text=c.text(report=pl.lit("No change.")),
        question=pl.lit("Is it?"),
        turns=pl.concat_list(pl.struct(role=pl.lit("patient"), content=pl.lit("Hello"))),
    )
    assert held["texts"] == held["questions"] == held["dialogues"] == N_PICTURES


def test_what_would_be_lost_is_refused_with_the_option_that_gives_it_up() -> None:
    held = {"pictures": 5, "masks": 3, "boxes": 2}
    with pytest.raises(
        SettingError, match=r"(?s)masks \(3 samples\); boxes \(2 .*--drop masks,boxes"
    ):
        check_losses(held, frozenset({"pictures"}), frozenset(), "csv")
    dropped = check_losses(held, frozenset({"pictures"}), frozenset({"masks", "boxes"}), "csv")
    assert dropped == ("masks", "boxes")
    assert check_losses(held, frozenset(CONTENTS), frozenset({"masks"}), "csv") == ()
    with pytest.raises(UnknownNameError, match="masks"):
        check_losses(held, frozenset(CONTENTS), frozenset({"mask"}), "csv")
