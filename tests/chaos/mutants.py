"""Broken folds for real workers: what a run must notice."""

from __future__ import annotations

from collections.abc import Mapping

from streams.fold import PartitionFold
from tests.streams import broken_folds

MUTANTS: Mapping[str, type[PartitionFold]] = {
    "no-horizon": broken_folds.HasNoHorizonAcrossRestarts,
    "no-warm-up": broken_folds.WritesRowsWhileItLearnsIds,
    "early-answer": broken_folds.AcknowledgesWhatCameMeanwhile,
    "deltas": broken_folds.ForgetsWhatWasStoredBefore,
}
"""Name -> fold; `no-horizon` has the duplicate horizon switched off across restarts."""
