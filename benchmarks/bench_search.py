"""Search: medshelf's index against tantivy, SQLite FTS5 and a plain scan, in one run.

Every engine gets the same words of the same questions and returns what a search must: the best 20,
how many there are, and counts of 14 facets. The others get their words for nothing: what a text
means is worked out for them beforehand, while medshelf's time is the whole of `search_index`.

    python benchmarks/bench_search.py [records, 100000]
"""

from __future__ import annotations

import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import tantivy
import yaml

from medshelf.catalog.filters import Filters
from medshelf.catalog.finding.facets import facet_values
from medshelf.catalog.finding.index import FACETS, Index, read_index, write_index
from medshelf.catalog.finding.indexing import make_index
from medshelf.catalog.finding.query import read_query
from medshelf.catalog.finding.stored import _own_digest, catalog_key
from medshelf.catalog.finding.words import tokens
from medshelf.catalog.record import Record
from medshelf.catalog.search import search_index
from medshelf.catalog.shelf import all_records

QUESTIONS = Path(__file__).parents[1] / "tests/catalog/questions.yaml"
BEST = 20
Engine = Callable[[list[str]], object]


def synthetic(records: Sequence[Record], count: int) -> list[Record]:
    """Return records that mix the fields of real ones, with names made of 20,000 words."""
    rng = random.Random(0)
    syllables = [a + b for a in "bcdfghklmnprstv" for b in ("a", "e", "i", "o", "ar", "en", "is")]
    invented = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(20_000)]
    mixed = []
    for number in range(count):
        subject, looks, labels = rng.choices(records, k=3)
        fields = {
            "id": f"set-{number:06d}",
            "name": f"{rng.choice(invented).title()} {rng.choice(invented)} {rng.randrange(2026)}",
            "aliases": (),
            **{name: getattr(looks, name) for name in ("dimensions", "modalities", "released")},
            **{name: getattr(labels, name) for name in ("tasks", "label_stats", "licence")},
        }
        mixed.append(subject.model_copy(update=fields))
    return mixed


def questions(records: Sequence[Record]) -> list[str]:
    """Return the questions of the tests, and words taken at random from records."""
    rng = random.Random(1)
    asked = [each["ask"] for each in yaml.safe_load(QUESTIONS.read_text("utf-8"))]
    for _ in range(400):
        record = rng.choice(records)
        said = [record.name, *record.tasks, *record.modalities, *record.anatomy, *record.conditions]
        said += [each.name for each in record.label_stats] + list(record.institutions)
        asked.append(" ".join(rng.sample(said, min(len(said), rng.randint(1, 4)))))
    return asked


def text_of(record: Record) -> list[str]:
    """Return the words of a record as the other engines get them: no weights, no wider terms."""
    values = [value for each in facet_values(record).values() for value in each]
    names = [record.name, *record.aliases, *record.institutions, record.challenge or ""]
    classes = [name for each in record.label_stats for name in (each.name, each.name_zh or "")]
    return tokens(" ".join((record.id, *names, *values, *classes)))


def in_tantivy(records: Sequence[Record], folder: Path) -> Engine:
    """Return a search by tantivy: one field of words, facets as fast fields."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("words", tokenizer_name="whitespace")
    for facet in FACETS:
        builder.add_text_field(facet, tokenizer_name="raw", fast=True)
    builder.add_unsigned_field("row", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(200_000_000)
    for row, record in enumerate(records):
        document = tantivy.Document()
        document.add_text("words", " ".join(text_of(record)))
        document.add_unsigned("row", row)
        for facet, values in facet_values(record).items():
            for value in values if facet in FACETS else ():
                document.add_text(facet, value)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    counts = {facet: {"terms": {"field": facet, "size": 500}} for facet in FACETS}

    def run(words: list[str]) -> object:
        terms = [tantivy.Query.term_query(schema, "words", word) for word in words]
        any_of = [(tantivy.Occur.Should, each) for each in terms]
        query = tantivy.Query.boolean_query(any_of) if words else tantivy.Query.all_query()
        found = searcher.search(query, BEST)
        hits = [searcher.doc(address)["row"][0] for _, address in found.hits]
        return hits, found.count, searcher.aggregate(query, counts)

    return run


def in_fts5(records: Sequence[Record], folder: Path) -> Engine:
    """Return a search by SQLite FTS5; facets are counted over the rows that it gives."""
    database = sqlite3.connect(folder / "fts.sqlite")
    database.execute("CREATE VIRTUAL TABLE text USING fts5(words, content='')")
    pairs = ((row, " ".join(text_of(each))) for row, each in enumerate(records))
    database.executemany("INSERT INTO text(rowid, words) VALUES (?, ?)", pairs)
    database.commit()
    held = [facet_values(each) for each in records]

    def run(words: list[str]) -> object:
        match = " OR ".join(f'"{word}"' for word in words)
        ranked = "SELECT rowid FROM text WHERE text MATCH ? ORDER BY rank LIMIT ?"
        hits = database.execute(ranked, (match, BEST)).fetchall() if words else []
        rows = [
            row
            for (row,) in database.execute("SELECT rowid FROM text WHERE text MATCH ?", (match,))
        ]
        return hits, len(rows), counted(held, rows)

    return run


def by_scan(records: Sequence[Record]) -> Engine:
    """Return a search that counts the words of every record."""
    texts = [Counter(text_of(each)) for each in records]
    held = [facet_values(each) for each in records]

    def run(words: list[str]) -> object:
        scores = [sum(text[word] for word in words) for text in texts]
        rows = [row for row, score in enumerate(scores) if score]
        rows.sort(key=lambda row: -scores[row])
        return rows[:BEST], len(rows), counted(held, rows)

    return run


def counted(
    held: Sequence[dict[str, tuple[str, ...]]], rows: Sequence[int]
) -> dict[str, Counter[str]]:
    """Count the values of all facets over some rows."""
    return {facet: Counter(v for row in rows for v in held[row][facet]) for facet in FACETS}


def report(name: str, times: Sequence[float], ours: Sequence[float]) -> None:
    """Print median and 99th percentile, and how often medshelf's they are."""
    p50, p99 = (statistics.quantiles(times, n=100)[at] for at in (49, 98))
    own50, own99 = (statistics.quantiles(ours, n=100)[at] for at in (49, 98))
    print(
        f"  {name:34} p50 {p50:9.3f} ms   p99 {p99:9.3f} ms   "
        f"x{p50 / own50:7.1f} x{p99 / own99:7.1f}   ({len(times)} searches)"
    )


def timed(run: Callable[[], object]) -> float:
    """Return the wall time of one call in ms, the best of three: other processes come between."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times) * 1000


def measure(index: Index, records: Sequence[Record], folder: Path) -> None:
    """Time all engines, one after the other on each question, so that all meet the same load."""
    engines = {}
    for name, make in (
        ("tantivy + aggregations", lambda: in_tantivy(records, folder)),
        ("SQLite FTS5 + counting", lambda: in_fts5(records, folder)),
        ("plain scan + counting", lambda: by_scan(records)),
    ):
        begin = time.perf_counter()
        engines[name] = make()
        print(f"  built in {time.perf_counter() - begin:6.1f} s: {name}")
    asked = questions(records)
    times: dict[str, list[float]] = {name: [] for name in ("medshelf", *engines)}
    for number, text in enumerate(asked):
        words = list(read_query(index, text).weights)
        slow = len(records) > 10_000 and number % 20
        times["medshelf"].append(timed(lambda text=text: search_index(index, text, Filters())))
        for name, run in engines.items():
            if name.startswith("tantivy") or not slow:
                times[name].append(timed(lambda run=run, words=words: run(words)))
    narrow = Filters(modality=["mri", "ct"], since=2015, min_samples=100, readable=False)
    times["medshelf, filters"] = [timed(lambda t=t: search_index(index, t, narrow)) for t in asked]
    times["medshelf, no text, by samples"] = [
        timed(lambda: search_index(index, "", Filters(), sort="samples")) for _ in range(100)
    ]
    for name, listed in times.items():
        report(name, listed, times["medshelf"])


def process_cost() -> None:
    """Print the CPU time of a process that searches once on a ready index."""
    code = "from medshelf.catalog.search import search; search('肺结节 CT detection')"
    subprocess.run([sys.executable, "-c", code], check=True)
    costs = []
    for _ in range(15):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"one process, one search: CPU median {statistics.median(costs):.3f} s")


def main() -> None:
    """Measure the real catalog, then a synthetic one."""
    process_cost()
    begin = time.process_time()
    records = list(all_records())
    read = time.process_time()
    index = make_index(records)
    made = time.process_time()
    print(f"{len(records)} records: YAML {read - begin:.2f} s, index {made - read:.2f} s CPU")
    key_ms = timed(lambda: (_own_digest.cache_clear(), catalog_key()))
    print(f"key of the index: {key_ms:.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        write_index(index, path, "key")
        opened = timed(lambda: read_index(path, "key"))
        print(f"index: {path.stat().st_size / 1e6:.2f} MB, opened in {opened:.1f} ms")
        measure(index, records, Path(folder))
    many = synthetic(records, int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    begin = time.process_time()
    index = make_index(many)
    print(f"{len(many)} synthetic records: index {time.process_time() - begin:.1f} s CPU")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        write_index(index, path, "key")
        opened = timed(lambda: read_index(path, "key"))
        print(f"index: {path.stat().st_size / 1e6:.1f} MB, opened in {opened:.0f} ms")
        measure(index, many, Path(folder))


if __name__ == "__main__":
    main()
