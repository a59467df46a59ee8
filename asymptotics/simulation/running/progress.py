"""The progress bar of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..scores import standard_score
from .jobs import Job

__all__ = ["Progress"]

# Trials behind a z-score before it is shown as the worst so far.
_SHOWN_TRIALS = 10


class Progress:
    """A bar of trials that also counts finished blocks and shows the worst z-score so far."""

    def __init__(self, jobs: Sequence[Job], trials: int, limits: Any, show: bool) -> None:
        from tqdm.auto import tqdm

        self._jobs, self._limits, self._show = jobs, limits, show
        self._blocks = 0
        self._scores = np.zeros(len(jobs))
        done = sum(int(job.done.sum()) for job in jobs)
        self._bar = tqdm(
            total=done + trials, initial=done, desc="simulating", unit="trial", disable=not show
        )
        if show and limits is not None:
            for number in range(len(jobs)):
                self._score(number)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def count(self, job: int, trials: range) -> None:
        """One more block is done."""
        if not self._show:
            return
        self._blocks += 1
        shown: dict[str, Any] = {"blocks": self._blocks}
        if self._limits is not None:
            self._score(job)
            shown["worst |z|"] = f"{self._scores.max():.1f}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(len(trials))

    def _score(self, number: int) -> None:
        accuracy = self._jobs[number].rows()[:, 0]
        if len(accuracy) >= _SHOWN_TRIALS:
            z = np.abs(standard_score(accuracy, self._limits[number]))
            self._scores[number] = np.max(np.where(np.isnan(z), 0.0, z))
