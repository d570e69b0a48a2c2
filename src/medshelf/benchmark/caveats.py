"""What keeps a run from being compared with published numbers."""

from __future__ import annotations

from medshelf.benchmark.runs import PRECISIONS, Run

SELECTED_ON_TEST = "selected on test: the number is too good"
MODIFIED = "modified data, not the published files"
_START = {
    False: "training started from given weights",
    True: "training started from given weights, but for the last layer",
}


def caveats(run: Run) -> list[str]:
    """Return what keeps a run from being compared with published numbers, in words."""
    spec = run.spec
    epochs = (
        f"{spec.epochs} epoch{'s' * (spec.epochs != 1)}, not the protocol ({spec.protocol_epochs})"
    )
    possible = [
        (run.selection["split"] == "test", SELECTED_ON_TEST),
        (spec.tested_on, f"trained on {spec.dataset}"),
        (not spec.follows_protocol, epochs),
        (spec.precision != PRECISIONS[0], f"convolutions in {spec.precision}"),
        (spec.compiled, "compiled network, which rounds differently"),
        (spec.weights, _START[spec.new_head]),
        (spec.modified, MODIFIED),
        (spec.synthetic, "synthetic data"),
    ]
    return [text for holds, text in possible if holds] + run.notes
