"""From what is asked of the benchmark to single runs, all refusals before any work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from medshelf.api.opening import Files
from medshelf.benchmark import runs
from medshelf.benchmark.models import find_model, model_names
from medshelf.benchmark.protocol import Protocol, find_protocol, protocol_ids
from medshelf.benchmark.queueing.orders import Order
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records, find_record
from medshelf.core.errors import NotFetchedError, RunError, SettingError

DEFAULTS = {2: ("medmnist-28", "resnet18"), 3: ("medmnist3d-28", "resnet18-3d")}
"""Protocol and model where none is named, by the number of spatial axes."""

_MANY = 12
_Name = TypeVar("_Name", str, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A matrix of runs: datasets x models x seeds.

    Attributes:
        datasets: Catalog ids.
        every: All sets of the catalog that fit, but for generated ones, besides `datasets`.
        models: By default `resnet18` for images, `resnet18-3d` for volumes.
        protocol: Id; by default `medmnist-28` for images, `medmnist3d-28` for volumes.
        seeds: How many (0, 1, 2 ...), or which.
        settings: What a protocol leaves open.
        files: Where the data come from.
    """

    datasets: tuple[str, ...] = ()
    every: bool = False
    models: tuple[str, ...] = ()
    protocol: str | None = None
    seeds: int | Iterable[int] = 3
    settings: runs.Settings = field(default_factory=runs.Settings)
    files: Files = field(default_factory=Files)

    def absolute(self) -> Request:
        """Return the same with absolute paths, for processes in another working folder."""
        weights = self.settings.weights
        settings = self.settings
        if weights is not None:
            settings = replace(settings, weights=weights.absolute())
        return replace(self, settings=settings, files=self.files.absolute())


@dataclass(frozen=True, slots=True)
class Missing:
    """A dataset whose files are not at hand.

    Attributes:
        dataset: Catalog id.
        remedy: How to get them.
    """

    dataset: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """The runs of a matrix, by dataset, then model, then seed; and the sets that are left out."""

    orders: tuple[Order, ...]
    missing: tuple[Missing, ...]


def order_runs(request: Request) -> Ordered:
    """Say which runs a request consists of, and refuse what cannot be run.

    Raises:
        ChecksumError: Files of a dataset are not the published ones.
        NotFetchedError: A dataset that is named is not at hand.
        RunError: A dataset, a protocol and a model do not go together, or there is none.
        SettingError: Something is named twice, or the seeds make no sense.
        UnknownNameError: There is no such dataset, protocol or model.
    """
    seeds = seed_list(request.seeds)
    models = named_once("model", request.models)
    for each in models:
        find_model(each)
    named = [find_record(each) for each in named_once("dataset", request.datasets)]
    chosen = None if request.protocol is None else find_protocol(request.protocol)
    _check_crossing(request, chosen)
    records = {each.id: each for each in (*named, *_every(request, chosen))}
    if not records:
        problem = "No dataset is named" if not request.every else "No dataset fits"
        raise RunError(problem, "Name one, e.g. breastmnist, or ask for all with --all")
    work = [_Work(each, *_fitting(each, chosen, models)) for each in records.values()]
    orders: list[Order] = []
    missing: list[Missing] = []
    for one in work:
        try:
            orders += one.orders(request, seeds)
        except NotFetchedError as error:
            if one.record in named:
                raise
            missing.append(Missing(one.record.id, error.remedy))
    return Ordered(tuple(orders), tuple(missing))


def _check_crossing(request: Request, chosen: Protocol | None) -> None:
    crosses, other = chosen is not None and chosen.test_on == "other", request.files.test_on
    if chosen is not None and crosses and other is None:
        problem = f"Protocol {chosen.id!r} tests on another dataset, and none is named"
        raise RunError(problem, "Name it, e.g. --test-on pneumoniamnist")
    if not crosses and (other is not None or request.files.labels is not None):
        ids = [each for each in protocol_ids() if find_protocol(each).test_on == "other"]
        problem = "A dataset to test on, or its labels, are named for a protocol that takes none"
        raise RunError(problem, f"Choose a protocol that does: {', '.join(ids)}")


def seed_list(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Return the seeds that are meant by a number of them, or by a list.

    Raises:
        SettingError: There is none, one is negative, or one is named twice.
    """
    found = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not found or min(found) < 0:
        problem = f"The seeds {seeds!r} are none, or hold a negative one"
        raise SettingError(problem, "Give how many, e.g. 3, or which, e.g. 0,1,7")
    return named_once("seed", found)


def named_once(kind: str, names: Iterable[_Name]) -> tuple[_Name, ...]:
    """Return the names if each is there once.

    Raises:
        SettingError: One is named twice.
    """
    found = tuple(names)
    for each in found:
        if found.count(each) > 1:
            listed = ", ".join(map(str, found))
            raise SettingError(f"The {kind} {each} is named twice: {listed}", "Name it once")
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    record: Record
    protocol: Protocol
    models: tuple[str, ...]

    def orders(self, request: Request, seeds: Iterable[int]) -> Iterator[Order]:
        data = request.files.of(self.record.id, self.protocol, 0)
        n_train = len(data["train"])
        for model in self.models:
            for seed in seeds:
                spec = runs.specify(data, self.protocol, model, request.settings, seed=seed)
                yield Order(spec, self.protocol, request.settings, n_train)


def _every(request: Request, chosen: Protocol | None) -> Iterator[Record]:
    if not request.every:
        return
    axes = {find_model(each).dimensions for each in request.models} - {None}
    for record in all_records():
        if record.synthetic or record.reader is None or record.n_spatial not in DEFAULTS:
            continue
        protocol = chosen or find_protocol(DEFAULTS[record.n_spatial][0])
        if fits(record, protocol) and axes <= {record.n_spatial}:
            yield record


def fits(record: Record, protocol: Protocol) -> bool:
    """Say whether a dataset has the axes and the size that a protocol asks for."""
    return (
        len(record.label_tasks) == 1
        and record.n_spatial == protocol.data.dimensions
        and str(protocol.data.size) in record.choices("size")
    )


def _fitting(
    record: Record, chosen: Protocol | None, models: tuple[str, ...]
) -> tuple[Protocol, tuple[str, ...]]:
    """Return protocol and models for a dataset.

    Raises:
        RunError: The one that is asked for does not fit.
    """
    axes = record.n_spatial
    if axes not in DEFAULTS:
        problem = f"{record.id!r} is no set of images of one size"
        raise RunError(problem, "Choose a set such as breastmnist; `medshelf list` shows them")
    protocol = chosen or find_protocol(DEFAULTS[axes][0])
    if protocol.data.dimensions != axes:
        problem = (
            f"Protocol {protocol.id!r} is for {protocol.data.dimensions}D images, "
            f"{record.id!r} has {axes}D images"
        )
        raise RunError(problem, _remedy(record))
    sizes = record.choices("size")
    if str(protocol.data.size) not in sizes:
        problem = (
            f"Protocol {protocol.id!r} is for files of {protocol.data.size} pixels, "
            f"{record.id!r} has {', '.join(sizes) or 'no such sizes'}"
        )
        raise RunError(problem, _remedy(record))
    models = models or (DEFAULTS[axes][1],)
    for each in models:
        if find_model(each).dimensions not in {None, axes}:
            problem = (
                f"Model {each!r} is for {find_model(each).dimensions}D images, "
                f"{record.id!r} has {axes}D images"
            )
            raise RunError(problem, _remedy(record))
    return protocol, models


def _remedy(record: Record) -> str:
    axes = record.n_spatial
    protocols = [each for each in protocol_ids() if fits(record, find_protocol(each))]
    models = [each for each in model_names() if find_model(each).dimensions in {None, axes}]
    if not protocols:
        return "Choose another dataset; `medshelf protocols` shows what is asked of it"
    listed = ", ".join(models[:_MANY]) + (", ..." if len(models) > _MANY else "")
    return f"Protocols for it: {', '.join(protocols)}; models: {listed}"
