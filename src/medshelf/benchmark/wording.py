"""What a protocol says, in words."""

from __future__ import annotations

from medshelf.benchmark.protocol import LinearProbe, Neighbours, Protocol, Training

_FORMS = {
    "small-image": "3x3 stem of stride 1, no pooling (small images)",
    "imagenet": "7x7 stem of stride 2 with pooling (as for ImageNet)",
}


def fit_text(protocol: Protocol) -> str:
    """Return in a few words how predictions are made from training data."""
    fit = protocol.fit
    if isinstance(fit, Training):
        return f"training, {fit.epochs} epochs"
    return "linear probe" if isinstance(fit, LinearProbe) else "nearest neighbours"


def protocol_facts(protocol: Protocol) -> list[tuple[str, str]]:
    """Return all that a protocol fixes, as name and text."""
    data = protocol.data
    few, other = protocol.few_shot, protocol.test_on == "other"
    facts = [
        ("source", protocol.source),
        ("images", f"{data.dimensions}D, files of {data.size} px, {data.channels} channels"),
        ("resize", _resize(protocol)),
        ("values", f"scaled to [0, 1], minus {data.mean:g}, divided by {data.std:g}"),
        ("shapes", _shapes(protocol)),
        ("network", _FORMS[protocol.network_form]),
        ("training data", f"{few.per_class} of each class, drawn by the seed" if few else "all"),
        *_fit_facts(protocol),
        ("selection", f"highest {protocol.selection.metric.upper()} on {protocol.selection.split}"),
        (
            "scored",
            f"{protocol.test_split} split of {'another dataset' if other else 'the dataset'}",
        ),
    ]
    return [(name, text) for name, text in facts if text]


def _resize(protocol: Protocol) -> str:
    resize = protocol.data.resize
    return f"to {resize.edge} px, {resize.method}" if resize else "none"


def _shapes(protocol: Protocol) -> str:
    factor = protocol.data.shape_factor
    if factor is None:
        return ""
    listed = ", ".join(factor.datasets)
    return f"{listed}: times a number from [0, 1) in training, {factor.evaluation:g} in evaluation"


def _fit_facts(protocol: Protocol) -> list[tuple[str, str]]:
    fit = protocol.fit
    if isinstance(fit, LinearProbe):
        listed = ", ".join(f"{each:g}" for each in fit.strengths)
        text = f"logistic regression on frozen features, inverse strength one of {listed}"
        return [("fit", text)]
    if isinstance(fit, Neighbours):
        listed = ", ".join(map(str, fit.counts))
        return [("fit", f"nearest training samples by frozen features, one of {listed} of them")]
    steps = ", ".join(f"{part:.0%}" for part in fit.schedule.milestones)
    return [
        ("fit", f"all weights, {fit.epochs} epochs, batches of {fit.batch_size}"),
        ("optimiser", f"{fit.optimiser.name}, learning rate {fit.optimiser.learning_rate:g}"),
        ("schedule", f"learning rate times {fit.schedule.gamma:g} after {steps} of the epochs"),
    ]
