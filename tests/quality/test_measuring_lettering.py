"""Lettering outside the centre: drawn text is seen, texture and smooth pictures are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medshelf.quality.measuring.lettering import text_score
from tests.quality.miniatures import texture

EDGE = 512


def ground(seed: int, grey: float = 60) -> np.ndarray:
    """Return a smooth picture with fine noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE
    smooth = grey + 60 * np.sin(2 * x + seed) * np.cos(3 * y)
    return (smooth + random.normal(0, 2, (EDGE, EDGE))).clip(0, 255).astype(np.uint8)


def lettered(picture: np.ndarray, text: str, at: tuple[int, int], size: int, colour=255):
    drawn = Image.fromarray(picture)
    ImageDraw.Draw(drawn).text(at, text, fill=colour, font=ImageFont.load_default(size))
    return np.array(drawn)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", [14, 20, 40])
@pytest.mark.parametrize("at", [(20, 20), (330, 440), (30, 300)])
def test_words_are_seen(seed, size, at):
    picture = lettered(ground(seed), "R PORT", at, size)
    assert text_score(picture, "YX") >= 0.5


@pytest.mark.parametrize("seed", range(4))
def test_dark_words_on_bright_ground_are_seen(seed):
    picture = lettered(ground(seed, 190), "2019-03-14", (40, 40), 20, 0)
    assert text_score(picture, "YX") >= 0.5


def test_one_letter_counts_less_than_a_word():
    one = text_score(lettered(ground(0), "L", (30, 30), 28), "YX")
    word = text_score(lettered(ground(0), "PORTABLE", (30, 30), 20), "YX")
    assert 0 < one < word


@pytest.mark.parametrize("seed", range(6))
def test_smooth_pictures_and_texture_have_none(seed):
    assert text_score(ground(seed), "YX") == 0
    assert text_score(texture(seed, (EDGE, EDGE)), "YX") == 0


def test_letters_in_the_centre_do_not_count():
    assert text_score(lettered(ground(1), "HILUM", (225, 250), 20), "YX") == 0


def test_other_types_and_colours_are_as_bytes():
    picture = lettered(ground(2), "PORTABLE", (30, 30), 20)
    picture[-1, -2:] = (0, 255)
    expected = text_score(picture, "YX")
    assert text_score(picture.astype(np.uint16) * 257, "YX") == expected
    assert text_score(picture.astype(np.float32), "YX") == expected
    assert text_score(np.stack([picture] * 3, axis=-1), "YXC") == expected
    assert text_score(np.full((100, 100), np.nan), "YX") == 0


def test_small_pictures_are_not_judged():
    assert text_score(np.zeros((63, 500), np.uint8), "YX") is None
    assert text_score(np.zeros((64, 64), np.uint8), "YX") == 0
