"""The browser of samples: states of the page choose the rows that their conditions choose."""

from __future__ import annotations

import io
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from medshelf.core.conditions import parse
from medshelf.core.issues import Issue
from medshelf.core.manifest import SCHEMA, SPLITS, Manifest, Meta, read_manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.media import thumb
from medshelf.explorer.shelf.collection import Collection
from medshelf.explorer.shelf.commands import as_cli, as_python
from medshelf.explorer.shelf.reported import Reported
from medshelf.explorer.shelf.state import PER_PAGE, State

N = 300
NAMES = ("Effusion", "Mass", "it's")
HERE = "/en/manifests/made/samples"


def manifest(root: Path, n: int = N) -> Manifest:
    """Rows whose every fact follows from their number; the root is empty."""
    draw = np.random.default_rng(0)
    present = draw.random((n, len(NAMES))) < 0.3
    labels = [
        [
            {"task": "f", "name": name, "value": float(has), "source": None, "annotator": None}
            for name, has in zip(NAMES, row, strict=True)
        ]
        if number % 7
        else None
        for number, row in enumerate(present)
    ]
    medium = {"name": "image", "role": "image", "path": None, "member": None} | {
        "index": None,
        "format": "png",
        "label": None,
        "annotator": None,
    }
    mask = medium | {"role": "mask", "name": "lung"}
    media = [([mask, medium], [medium], [], None)[number % 4] for number in range(n)]
    frame = pl.DataFrame(
        {
            "sample_id": [f"s{number:06}" for number in range(n)],
            "split": [(*SPLITS, None)[number % 4] for number in range(n)],
            "patient_id": [f"p{number // 3}" for number in range(n)],
            "label": [("a", "it's", None)[number % 3] for number in range(n)],
            "sex": [("F", "M", None)[int(each)] for each in draw.integers(0, 3, n)],
            "age_years": [None if number % 5 == 0 else number % 97 for number in range(n)],
            "text": [{"report": f"report {number % 11}"} for number in range(n)],
        },
        schema_overrides={
            "split": pl.Enum(SPLITS),
            "text": pl.Struct(
                dict.fromkeys(("report", "findings", "impression", "caption", "context"), pl.String)
            ),
        },
    ).with_columns(
        pl.Series("labels", labels, SCHEMA["labels"]),
        pl.Series("media", media, SCHEMA["media"]),
    )
    task = Task("f", TaskKind.MULTI_LABEL, NAMES)
    meta = Meta(dataset="made", name="Made", version="1", unit="image", tasks=(task,))
    return Manifest.from_columns(frame.lazy(), meta, root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    manifest(made).write(made / "made.parquet")
    return made


@pytest.fixture(scope="module")
def shown(folder: Path) -> Collection:
    issue = Issue("odd", "warning", "rows", "Two are odd", "Look", ("s000003", "s000007"))
    opened = read_manifest(folder / "made.parquet", folder)
    reported = Reported.make([issue], opened, was_checked=True)
    return Collection("manifests", "made", opened, None, reported)


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(build(Holdings(named=(str(folder / "made.parquet"),))))


values = {
    "split": ("", *SPLITS, "nowhere"),
    "label": ("", "a", "it's"),
    "sex": ("", "F", "M"),
    "view": ("", "PA"),
}
states = st.builds(
    State,
    **{
        name: st.lists(st.sampled_from(known), max_size=2, unique=True).map(tuple)
        for name, known in values.items()
    },
    finding=st.lists(st.sampled_from((*NAMES, "nothing")), max_size=2, unique=True).map(tuple),
    age_from=st.sampled_from((None, 10.0, 50.0)),
    age_to=st.sampled_from((None, 60.0)),
    q=st.sampled_from(("", "s0001", "REPORT 7", "it's")),
    where=st.sampled_from(("", "age_years > 20 or sex = 'F'", "length(label) = 1")),
    sort=st.sampled_from(("", "-age_years", "label")),
    page=st.integers(1, 3),
    layout=st.sampled_from(("gallery", "table")),
    size=st.sampled_from((96, 128, 192)),
    window=st.sampled_from(("", "lung", "40,400", "-600,1500.5")),
    overlay=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_a_state_chooses_what_its_condition_chooses(shown: Collection, state: State) -> None:
    state = state.with_(sort="")
    answer = shown.answer(state)
    frame = shown.manifest.frame.with_row_index("row")
    if "nowhere" in state.split:  # no condition can name a split that does not exist
        state = state.with_(split=tuple(each for each in state.split if each != "nowhere"))
        if not state.split:
            assert not len(answer.rows)
            return
    condition = state.condition()
    expected = frame.filter(parse(condition)) if condition else frame
    assert answer.rows.tolist() == expected.collect()["row"].to_list()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_counts_of_a_facet_are_those_of_choosing_each_value(
    shown: Collection, state: State
) -> None:
    counts = shown.answer(state).counts
    for name, coded in shown.facets.items():
        for value, count in zip((*coded.values, ""), counts[name].tolist(), strict=True):
            alone = state.with_(**{name: (value,)})
            assert len(shown.answer(alone).rows) == count
    assert shown.findings is not None
    for value, count in zip(shown.findings.values, counts["finding"].tolist(), strict=True):
        both = state.with_(finding=(*state.finding, value))
        assert len(shown.answer(both).rows) == count
    assert shown.answer(state).ages.sum() == len(
        shown.answer(
            state.with_(
                age_from=None, age_to=None, where=_and(state.where, "age_years is not null")
            )
        ).rows
    )


def _and(one: str, other: str) -> str:
    return f"({one}) and {other}" if one else other


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states)
def test_an_address_gives_its_state_back(client: TestClient, state: State) -> None:
    found = client.get(f"/api{HERE}?{state.query()}")
    assert found.status_code == 200
    assert State.model_validate(found.json()["state"]) == state


@pytest.mark.parametrize("sort", ["age_years", "-age_years", "label", "patient_id", "-sample_id"])
def test_order_is_stable_and_null_is_last(shown: Collection, sort: str) -> None:
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    found = shown.answer(State(sort=sort, split=("train", "val"))).rows
    column = shown.manifest.frame.select(name).collect().to_series()
    values = column[found].to_list()
    stated = [each for each in values if each is not None]
    assert stated == sorted(stated, reverse=falling)
    assert values[len(stated) :] == [None] * (len(values) - len(stated))
    assert sorted(found.tolist()) == shown.answer(State(split=("train", "val"))).rows.tolist()


def test_pages_hold_each_sample_once(client: TestClient) -> None:
    seen: list[int] = []
    for page in range(1, -(-N // PER_PAGE) + 1):
        view = client.get(f"/api{HERE}?page={page}&sort=-sample_id").json()
        assert (view["page"], view["n_pages"], view["n_chosen"]) == (page, 5, N)
        seen += [each["row"] for each in view["tiles"]]
    assert seen == list(range(N))[::-1]
    assert client.get(f"/api{HERE}?page=999").json()["page"] == 5


def test_a_tile_says_what_the_row_says(client: TestClient, shown: Collection) -> None:
    tiles = client.get(f"/api{HERE}").json()["tiles"]
    assert [each["sample_id"] for each in tiles] == [f"s{n:06}" for n in range(PER_PAGE)]
    assert [each["thumbnail"] is None for each in tiles[:4]] == [False, False, True, True]
    assert tiles[0]["thumbnail"] == f"/media/{shown.key}/0/1/thumb.jpg"
    assert tiles[1]["thumbnail"] == f"/media/{shown.key}/1/0/thumb.jpg"
    for tile in tiles:
        sample = shown.dataset.sample(tile["row"])
        assert tile["values"].get("label") == sample.label
        assert tile["values"].get("split") == sample.split
        assert tile["age_years"] == sample.age_years
        present = {str(each.name) for each in sample.labels if (each.value or 0) >= 0.5}
        assert set(tile["findings"]) == present


def test_a_picture_is_asked_for_as_the_page_shows_it(client: TestClient, shown: Collection) -> None:
    query = "size=96&window=lung&overlay=false"
    tile = client.get(f"/api{HERE}?{query}").json()["tiles"][0]
    assert tile["thumbnail"] == f"/media/{shown.key}/0/1/thumb.jpg?{query}"
    unasked = {name: each.default for name, each in signature(thumb).parameters.items()}
    assert {name: unasked[name] for name in ("size", "window", "overlay")} == {
        name: getattr(State(), name) for name in ("size", "window", "overlay")
    }


def test_a_gallery_is_a_small_page(client: TestClient) -> None:
    found = client.get(HERE)
    assert found.text.count('<span class="name">') == PER_PAGE
    assert len(found.content) < 25_000


def test_what_a_check_found_is_a_filter_and_a_badge(shown: Collection) -> None:
    assert shown.answer(State(issue="odd")).rows.tolist() == [3, 7]
    assert not len(shown.answer(State(issue="even")).rows)
    assert [each.rule for each in shown.reported.badges(3)] == ["odd"]
    assert not shown.reported.badges(4)


def test_the_page_in_both_languages_and_layouts(client: TestClient) -> None:
    english = client.get(f"{HERE}?label=it's&layout=gallery")
    assert english.status_code == 200
    assert "100 of 300 samples" in english.text
    assert "No image for this row" in english.text
    chinese = client.get("/zh/manifests/made/samples?label=it's&layout=table")
    assert "300 个样本中的 100 个" in chinese.text
    for layout in ("gallery", "table"):
        assert client.get(f"{HERE}?layout={layout}").status_code == 200  # labels of some are null
    assert "<table>" in chinese.text
    assert "No sample meets" in client.get(f"{HERE}?where=age_years > 900").text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("where=vew = 'PA'", "There is no column 'vew' at character 1"),
        ("where=age_years >", "at character 12"),
        ("page=0", "page"),
        ("size=5", "size"),
        ("window=<script>", "window"),
        ("nonsense=1", "nonsense"),
        ("sort=path", "sort"),
    ],
)
def test_an_address_that_makes_no_sense(client: TestClient, query: str, message: str) -> None:
    found = client.get(f"/api{HERE}?{query}")
    assert found.status_code == 400
    assert message in found.text


def test_unknown_and_damaged_manifests(folder: Path) -> None:
    (folder / "bad.parquet").write_bytes(b"PAR1")
    client = TestClient(build(Holdings(named=(str(folder / "bad.parquet"),))))
    assert client.get("/api/en/manifests/made/samples").status_code == 404
    found = client.get("/api/en/manifests/bad/samples")
    assert found.status_code == 500
    assert "not a Parquet file" in found.text
    assert client.get("/api/en/datasets/nih-chest-xray/samples").status_code == 404


def test_a_facet_of_many_values_is_listed_whole_when_asked_for(tmp_path: Path) -> None:
    made = manifest(tmp_path, 90)
    sites = [f"site {number % 30:02}" for number in range(90)]
    rows = made.frame.with_columns(site=pl.Series(sites))
    Manifest.from_columns(rows, made.meta, tmp_path).write(tmp_path / "made.parquet")
    client = TestClient(build(Holdings(named=(str(tmp_path / "made.parquet"),))))

    def facet(address: str) -> dict[str, Any]:
        view = client.get(f"/api{address}").json()
        return next(each for each in view["facets"] if each["column"] == "site")

    first = facet(f"{HERE}?size=96")
    assert (len(first["choices"]), first["n_more"]) == (12, 18)
    whole = facet(first["whole"])
    assert {each["value"] for each in whole["choices"]} == set(sites)
    assert (whole["n_more"], whole["whole"]) == (0, None)
    assert "size=96" in whole["choices"][-1]["url"]
    assert "18 more values" in client.get(f"{HERE}?size=96").text
    assert "more values" not in client.get(first["whole"]).text


def test_a_manifest_that_changes_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "made.parquet"
    manifest(tmp_path, 30).write(path)
    client = TestClient(build(Holdings(named=(str(path),))))
    before = client.get(f"/api{HERE}").json()
    manifest(tmp_path, 40).write(path)
    after = client.get(f"/api{HERE}").json()
    assert (before["n_samples"], after["n_samples"]) == (30, 40)
    assert before["tiles"][0]["thumbnail"] != after["tiles"][0]["thumbnail"]


def test_downloads_hold_the_chosen_rows(client: TestClient, shown: Collection) -> None:
    address = "/download/manifests/made/samples"
    rows = shown.answer(State(label=("it's",), sort="-age_years")).rows
    query = "?label=it's&sort=-age_years"
    table = pl.read_csv(io.BytesIO(client.get(f"{address}.csv{query}").content))
    assert table["sample_id"].to_list() == [f"s{row:06}" for row in rows]
    assert table["report"][0] == f"report {rows[0] % 11}"
    stored = client.get(f"{address}.parquet{query}")
    (shown.manifest.root / "chosen.parquet").write_bytes(stored.content)
    again = read_manifest(shown.manifest.root / "chosen.parquet", shown.manifest.root)
    expected = shown.manifest.frame.collect()[rows]
    assert again.frame.collect().equals(expected)
    assert again.meta == shown.manifest.meta


def test_the_same_choice_elsewhere(shown: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(label=("it's",), finding=("Mass",), age_from=10, where="sex = 'F'", issue="odd")
    line = as_cli("manifests", "made", state)
    assert line.startswith("# without the choice of issue odd")
    assert "medshelf convert made.parquet chosen --to manifest --filter" in line
    monkeypatch.chdir(shown.manifest.root)
    told = as_python("manifests", "made", state.with_(issue=""))
    found: dict[str, object] = {}
    exec(told, found)
    rows = shown.answer(state.with_(issue="")).rows
    assert found["samples"].table["sample_id"].to_list() == [f"s{row:06}" for row in rows]  # type: ignore[attr-defined]
