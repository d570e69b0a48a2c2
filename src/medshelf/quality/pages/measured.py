"""What the image files are, on a page: sizes, spacings, values."""

from __future__ import annotations

from medshelf.quality.pages.shown import as_page_table, histogram_of, rounded
from medshelf.quality.pages.words import Words
from medshelf.quality.profile import Profile
from medshelf.quality.profiling.page_tables import resolution_table
from medshelf.report.charts.bubbles import bubble_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.page import Page, Table


def add_sizes(page: Page, profile: Profile, word: Words) -> None:
    """Add sizes, spacings and kinds of the files."""
    images = profile.images
    if images is None or not profile.resolution:
        return
    page.heading(word("Sizes and spacing"))
    page.table(as_page_table(resolution_table(profile.resolution, word.language)))
    charts = []
    if images.n_sizes > 1:
        points = [(float(each.size_px[0]), float(each.size_px[1])) for each in images.sizes]
        counts = [each.n for each in images.sizes]
        x, y = (Axis(word(f"{each} (pixels)")) for each in ("width", "height"))
        charts.append(bubble_chart(word("Image sizes"), points, counts, x, y))
    n = word("images")
    charts += histogram_of(word("Width by height"), images.aspect, word("Width by height"), n)
    charts += histogram_of(word("File size"), images.file_bytes, word("bytes"), word("files"))
    if charts:
        page.charts(*charts)
    kinds = [
        (word(name), value, n) for name, found in images.kinds.items() for value, n in found.items()
    ]
    kinds += [(word("cannot be read"), name, n) for name, n in images.errors.items()]
    if kinds:
        page.table(
            Table(["", word("value"), word("count")], kinds, caption=word("What the files are"))
        )


def add_values(page: Page, profile: Profile, word: Words) -> None:
    """Add the values of the pixels, to normalise with."""
    if not profile.intensity:
        return
    page.heading(word("Values"))
    header = word.all("image|type|channels|unit|images|minimum|maximum")
    marks = [f"{float(each):g} %" for each in profile.intensity[0].percentiles]
    rows = [
        (
            each.name or "-",
            each.dtype,
            each.channels,
            each.unit or "",
            each.n,
            each.minimum,
            each.maximum,
            *(rounded(value) for value in each.percentiles.values()),
        )
        for each in profile.intensity
    ]
    page.table(Table([*header, *marks], rows))
    rows = []
    for each in profile.intensity:
        ways = (
            (each.per_pixel, "every pixel counts the same"),
            (each.per_image, "every image counts the same"),
        )
        for found, how in ways:
            if found is not None:
                mean, sd = (
                    ", ".join(f"{value:.5g}" for value in given) for given in (found.mean, found.sd)
                )
                rows.append((each.name or "-", word(how), mean, sd))
    header = word.all("image||mean|sd")
    if rows:
        caption = word("to normalise with")
        page.table(Table(header, rows, caption=caption))
