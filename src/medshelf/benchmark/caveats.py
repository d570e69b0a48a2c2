"""What keeps a run from being compared with published numbers."""

from __future__ import annotations

from medshelf.benchmark.runs import PRECISIONS, Run
from medshelf.report.page import Page

SELECTED_ON_TEST = "selected on test: the number is too good"
MODIFIED = "modified data, not the published files"
_TOLD = {
    True: "Keep it in mind when comparing.",
    False: "These numbers cannot be compared with published ones.",
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
        (spec.weights, _start(run)),
        (spec.modified, MODIFIED),
        (spec.synthetic, "synthetic data"),
    ]
    return [text for holds, text in possible if holds] + run.notes


def tell(page: Page, run: Run) -> None:
    """Say on a page what keeps a run from being compared, above all numbers."""
    for caveat in caveats(run):
        known = caveat in run.notes
        title = caveat[0].upper() + caveat[1:]
        page.notice(_TOLD[known], title, "info" if known else "warning")


def _start(run: Run) -> str:
    if run.protocol.get("fit", {}).get("kind", "training") != "training":
        return "features of given weights"
    head = ", but for the last layer" if run.spec.new_head else ""
    return f"training started from given weights{head}"
