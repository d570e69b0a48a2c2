"""Masks and shapes lie on the pixels that they mean; what cannot be shown is said."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
import zlib
from pathlib import Path
from struct import pack

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("fastapi")

from medshelf.imaging.overlay import colour_of
from tests.explorer.pictured import (
    MARKER,
    SHAPE_LPS,
    as_bytes,
    box,
    medium,
    phantom,
    save,
    write_oriented,
)
from tests.explorer.shown import RAMP, Show

# Masks


def test_masks_are_told_by_number_and_named_by_the_legend(show: Show, root: Path) -> None:
    save(root / "a.png", np.full((4, 6), 100, np.uint8))
    values = np.zeros((4, 6), np.uint8)
    values[0, 0], values[1, 1:3], values[3, 5] = 7, 2, 9
    save(root / "m.png", values)
    made = show(
        [medium("a.png"), medium("m.png", role="mask", name="seg")],
        options={"legend": "0=background;7=heart;2,9=lung"},
    )
    (told,) = made.page(0)["masks"]
    assert told["problem"] is None
    assert [(part["number"], part["name"]) for part in told["parts"]] == [(1, "heart"), (2, "lung")]
    assert told["images"] == [0]
    expected = np.zeros((4, 6), np.uint8)
    expected[values == 7], expected[(values == 2) | (values == 9)] = 1, 2
    assert np.array_equal(made.mask(0, 1, "image", 0), expected)
    drawn = made.picture(0, 0, "image.png?masks=1")
    assert tuple(drawn[0, 0]) == colour_of(0)
    assert tuple(drawn[3, 5]) == colour_of(1)
    assert tuple(drawn[2, 3]) == (100, 100, 100)
    assert [part["colour"] for part in told["parts"]] == [
        "#{:02x}{:02x}{:02x}".format(*colour_of(each)) for each in (0, 1)
    ]


def test_a_mask_without_legend_has_one_structure_per_value(show: Show, root: Path) -> None:
    save(root / "a.png", np.zeros((4, 6), np.uint8))
    values = np.zeros((4, 6), np.uint8)
    values[0], values[1], values[2] = 3, 1, 200
    save(root / "m.png", values)
    made = show(
        [
            medium("a.png"),
            medium("m.png", role="mask"),
            medium("m.png", role="mask", label="tumour", annotator="R2"),
        ]
    )
    every, one = made.page(0)["masks"]
    assert [part["name"] for part in every["parts"]] == ["1", "3", "200"]
    assert (one["name"], one["annotator"], len(one["parts"])) == ("tumour", "R2", 1)
    assert np.array_equal(made.mask(0, 2, "image", 0), values > 0)
    colours = [part["colour"] for mask in (every, one) for part in mask["parts"]]
    assert len(set(colours)) == 4


def test_the_channels_of_a_mask_are_its_structures(show: Show, root: Path) -> None:
    save(root / "a.png", np.zeros((4, 6), np.uint8))
    channels = np.zeros((4, 6, 3), np.uint8)
    channels[0, :, 0], channels[1, :, 1], channels[2:, :, 2] = 1, 1, 1
    np.savez(root / "m.npz", m=channels)
    made = show(
        [medium("a.png"), medium("m.npz", role="mask", member="m")],
        options={"legend": "0=cup;1=disc;2=vessel"},
    )
    (told,) = made.page(0)["masks"]
    assert [part["name"] for part in told["parts"]] == ["cup", "disc", "vessel"]
    assert np.array_equal(made.mask(0, 1, "image", 0)[:, 0], [1, 2, 3, 3])


@pytest.mark.parametrize("orientation", ["RAS", "PIR"])
def test_a_mask_lies_on_the_same_voxels(show: Show, root: Path, orientation: str) -> None:
    write_oriented(root / "v.nii.gz", phantom(), "LPS")
    values = np.zeros(SHAPE_LPS, np.uint8)
    values[MARKER] = 1
    write_oriented(root / "m.nii.gz", values, orientation)
    made = show([medium("v.nii.gz"), medium("m.nii.gz", role="mask")])
    (told,) = made.page(0)["masks"]
    assert (told["problem"], told["images"]) == (None, [0])
    x, y, z = MARKER
    for axis, k in (("axial", z), ("coronal", y), ("sagittal", x)):
        where = made.values(0, 0, axis, k) == 3000
        assert np.array_equal(made.mask(0, 1, axis, k), where)
        assert where.sum() == 1


def test_masks_that_do_not_fit_are_named(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    save(root / "m.png", np.ones((3, 3), np.uint8))
    save(root / "b.png", np.zeros((3, 3), np.uint8))
    mask = medium("m.png", role="mask")
    made = show([medium("a.png"), mask], [medium("a.png"), mask, medium("b.png", name="b")])
    alone, two = made.page(0)["masks"][0], made.page(1)["masks"][0]
    assert alone["problem"] == "The mask is X 3 x Y 3, not X 40 x Y 30"
    assert (two["problem"], two["images"]) == (None, [2])
    html = made.client.get("/en/manifests/made/samples/0").text
    assert "X 3 x Y 3, not X 40 x Y 30" in html
    assert made.get(0, 0, "thumb.jpg").status_code == 200
    assert made.problem(0, 0, "image.png?masks=1") == (
        400,
        "The mask is 3 x 3, the image 30 x 40 Leave the mask out",
    )
    # The page of the second sample draws the mask on the picture that it fits, and on no other.
    html = made.client.get("/en/manifests/made/samples/1").text
    sources = re.findall(r'<img src="(/media/[^"]*image\.png[^"]*)"', html)
    assert len(sources) == 2
    for source in sources:
        assert made.client.get(source.replace("&amp;", "&")).status_code == 200, source


def test_a_mask_elsewhere_in_the_body_is_named(show: Show, root: Path) -> None:
    write_oriented(root / "v.nii.gz", phantom(), "LPS")
    affine = np.diag([-1.0, -2.0, 3.0, 1.0])
    nib.Nifti1Image(np.ones(SHAPE_LPS, np.uint8), affine).to_filename(root / "m.nii.gz")
    made = show([medium("v.nii.gz"), medium("m.nii.gz", role="mask")])
    assert "mm away" in made.page(0)["masks"][0]["problem"]


def test_a_value_outside_the_legend_is_named(show: Show, root: Path) -> None:
    save(root / "a.png", np.zeros((3, 3), np.uint8))
    save(root / "m.png", np.full((3, 3), 9, np.uint8))
    made = show([medium("a.png"), medium("m.png", role="mask")], options={"legend": "1=lung"})
    assert "not in the legend" in made.page(0)["masks"][0]["problem"]


def test_slots_are_what_they_are(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    save(root / "m.png", np.ones((30, 40), np.uint8))
    made = show(
        [medium("a.png"), medium("m.png", role="mask"), medium("a.txt", role="text", name="notes")]
    )
    assert made.problem(0, 0, "mask/image/0.u8")[0] == 404
    assert made.problem(0, 0, "image.png?masks=0")[0] == 404
    assert made.problem(0, 0, "image.png?masks=9")[0] == 404
    assert made.problem(0, 2, "image.png")[0] == 404
    assert made.problem(0, 3, "image.png")[0] == 404
    assert made.problem(0, 3, "thumb.jpg")[0] == 404
    assert made.problem(5, 0, "thumb.jpg")[0] == 404
    assert made.page(0)["others"] == {"notes": "text"}
    other = f"/media/{'0' * 32}/0/0/thumb.jpg"
    assert made.client.get(other).status_code == 404


def test_boxes_and_masks_are_drawn_on_thumbnails_unless_not_wanted(show: Show, root: Path) -> None:
    save(root / "a.png", np.zeros((64, 64), np.uint8))
    values = np.zeros((64, 64), np.uint8)
    values[40:60, 40:60] = 1
    save(root / "m.png", values)
    made = show(
        [medium("a.png"), medium("m.png", role="mask")], shapes=[box((4, 4, 24, 24), "nodule")]
    )
    drawn = made.picture(0, 0, "thumb.jpg?size=64").astype(int)
    plain = made.picture(0, 0, "thumb.jpg?size=64&overlay=false")
    assert plain.max() < 10
    assert drawn[4, 14].max() > 100
    assert drawn[50, 50].max() > 40
    assert drawn[14, 14].max() < 40
    assert made.page(0)["shapes"][0]["points"] == [4, 4, 24, 24]


# What is wrong is said


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header states a huge size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

    head = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + packed


def test_what_cannot_be_shown_says_why(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    (root / "broken.png").write_bytes((root / "a.png").read_bytes()[:60])
    (root / "words.png").write_text("no picture")
    (root / "bomb.png").write_bytes(bomb(100_000, 100_000))
    (root / "broken.nii.gz").write_bytes(b"\x1f\x8b\x08\0\0")
    header = nib.Nifti1Header()
    header.set_data_shape((2000, 2000, 2000))
    header.set_data_dtype(np.int16)
    (root / "huge.nii").write_bytes(header.binaryblock + b"\0" * 4)
    names = (
        "broken.png",
        "words.png",
        "bomb.png",
        "broken.nii.gz",
        "huge.nii",
        "gone.png",
        "a.xyz",
    )
    made = show([medium("a.png")], *([medium(name)] for name in names), [medium(None)])
    for row, name in enumerate((*names, ""), start=1):
        (told,) = made.page(row)["images"]
        assert told["problem"], name
        assert made.client.get(f"/zh/manifests/made/samples/{row}").status_code == 200
        for rest in ("thumb.jpg", "image.png", "slice/axial/0.i16", "volume.nii.gz"):
            status, problem = made.problem(row, 0, rest)
            assert status in {404, 500}, (name, rest)
            assert len(problem) > 20
    assert "10,000,000,000 pixels" in made.page(3)["images"][0]["problem"]


def test_an_array_of_words_or_of_nothing_says_why(show: Show, root: Path) -> None:
    np.savez(root / "a.npz", words=np.array([["a", "b"]]), nothing=np.zeros((0, 5)), one=np.ones(5))
    made = show(*([medium("a.npz", member=name)] for name in ("words", "nothing", "one")))
    for row in range(3):
        assert made.page(row)["images"][0]["problem"], row
        for rest in ("thumb.jpg", "image.png", "slice/image/0.i16"):
            assert made.get(row, 0, rest).status_code in {400, 404, 500}
            assert "problem" in made.get(row, 0, rest).json()


def test_members_of_archives_are_shown(show: Show, root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w") as packed:
        packed.writestr("in/x.png", as_bytes(RAMP))
    with tarfile.open(root / "a.tar", "w") as packed_tar:
        told = tarfile.TarInfo("y.png")
        content = as_bytes(RAMP[::-1])
        told.size = len(content)
        packed_tar.addfile(told, io.BytesIO(content))
    made = show(
        [medium("a.zip", member="in/x.png", format="png")],
        [medium("a.tar", member="y.png", format="png")],
        [medium("a.zip", member="in/none.png", format="png")],
    )
    assert np.array_equal(made.picture(0, 0, "image.png"), RAMP)
    assert np.array_equal(made.picture(1, 0, "image.png"), RAMP[::-1])
    assert "none.png" in made.page(2)["images"][0]["problem"]


def test_nothing_outside_the_root_is_read(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    secret = root.parent / "secret.png"
    save(secret, np.full((8, 8), 77, np.uint8))
    (root / "link.png").symlink_to(secret)
    (root / "folder").symlink_to(root.parent)
    paths = ("../secret.png", str(secret), "x/../../secret.png", "link.png", "folder/secret.png")
    made = show([medium("a.png")], *([medium(each)] for each in paths))
    for row, path in enumerate(paths, start=1):
        for rest in ("thumb.jpg", "image.png", "slice/image/0.i16"):
            answer = made.get(row, 0, rest)
            assert answer.status_code in {404, 500}, (path, rest, answer.status_code)


def test_a_sample_with_many_masks_opens_those_that_are_asked_for(show: Show, root: Path) -> None:
    save(root / "a.png", np.zeros((4, 6), np.uint8))
    (root / "broken.png").write_bytes(b"no picture")
    names = [f"organ {number:02}" for number in range(60)]
    for number in range(8):
        values = np.zeros((4, 6), np.uint8)
        values[number % 4] = 1
        save(root / f"{number}.png", values)
    files = [f"{number % 8}.png" for number in range(59)] + ["broken.png"]
    made = show(
        [
            medium("a.png"),
            *(
                medium(path, role="mask", label=name)
                for path, name in zip(files, names, strict=True)
            ),
        ]
    )
    first = made.page(0)
    assert [each["name"] for each in first["masks"]] == names[:8]
    assert [each["name"] for each in first["unopened"]] == names[8:]
    assert first["first_masks"] is None
    # What is asked for is opened beside the others, with the colour of its place.
    page = made.at(first["unopened"][12]["url"])
    assert [each["name"] for each in page["masks"]] == [*names[:8], names[20]]
    assert page["masks"][-1]["parts"][0]["colour"] == "#{:02x}{:02x}{:02x}".format(*colour_of(20))
    drawn = made.picture(0, 0, "image.png?masks=21")
    assert tuple(drawn[20 % 4, 0]) == colour_of(20)
    broken = made.at(first["unopened"][-1]["url"])
    assert [bool(each["problem"]) for each in broken["masks"]] == [False] * 8 + [True]
    # Never more than an address can hold.
    for _ in range(45):
        page = made.at(page["unopened"][0]["url"])
    assert len(page["masks"]) == 50
    assert len(page["unopened"]) == 10
    assert [each["name"] for each in made.at(page["first_masks"])["masks"]] == names[:8]
