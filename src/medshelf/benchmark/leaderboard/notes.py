"""What readers of a leaderboard must know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from medshelf.benchmark.leaderboard.entries import Entry
from medshelf.benchmark.leaderboard.significance import ALPHA
from medshelf.benchmark.leaderboard.words import Words


def explained(entries: Sequence[Entry], word: Words) -> list[str]:
    """Return how to read a table of these entries."""
    found = [
        word(
            "Quoted numbers were measured by others, on their machines; measured ones here. "
            "Mean ± standard deviation over seeds. What is not known is empty."
        )
    ]
    if any(each.is_measured for each in entries):
        found.append(
            word(
                "Over seeds: 95 % t interval of the mean over seeds. Over samples: 95 % percentile "
                "bootstrap interval over test samples, of the mean over seeds. The first is chance "
                "of training, the second chance of the test split; neither includes the other."
            )
        )
    standings = [each.auc_standing for each in entries if each.auc_standing is not None]
    if standings:
        first = standings[0]
        found.append(
            word(
                "Rank: what a paired bootstrap over test samples ({n_resamples} resamples, seed "
                "{seed}) leaves open at {alpha:.0%}, all pairs of the {n_methods} methods tested "
                "on the same samples compared, p adjusted by Holm's method. A range that begins "
                "with 1 means: not shown to differ from the best.",
                n_resamples=first.n_resamples,
                seed=first.seed,
                alpha=ALPHA,
                n_methods=first.n_methods,
            )
        )
    if any(each.selection_split == "test" for each in entries):
        found.append(
            word(
                "Numbers selected on test are too good, as the test labels chose what was scored; "
                "they are not ranked."
            )
        )
    return found
