"""Simulated points of a view, one after another, in a thread that any change can stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

import asymptotics as asy

from .state import State

__all__ = ["POINTS", "SAMPLES", "TRIALS", "Job", "Point", "places"]

# Of a training set, of training sets behind a point, and of points a curve.
SAMPLES, TRIALS, POINTS = 300, 20, 9
# Where the points lie: the middle of the axis, in which simulation takes about a second a curve.
_GAINS = (0.1, 10.0)
_RATIOS = (0.1, 3.0)
# The whole server runs one simulation at a time.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Point:
    """A point with its error bar, and how much of the work is done behind it."""

    classifier: str
    x: float
    accuracy: float
    stderr: float
    done: int
    total: int


def places(state: State) -> list[float]:
    """Where the points of a curve are."""
    ends = _GAINS if state.view == "gain" else _RATIOS
    return [float(f"{x:.4g}") for x in np.geomspace(*ends, POINTS)]


def _points(state: State) -> Iterator[Point]:
    xs = places(state)
    total, done = len(xs) * len(state.classifiers), 0
    for name in state.classifiers:
        for k, x in enumerate(xs):
            done += 1
            gain, ratio = (x, state["aspect_ratio"]) if state.view == "gain" else (state["gain"], x)
            clf, projector = state.classifier(name), state.projector(gain)
            accuracy = stderr = np.nan
            # without a limit here, or with training sets that cannot be trained on: no point
            with suppress(ValueError, asy.ConvergenceError):
                expected = asy.limit(state.mixture, clf, ratio, projector, throw=False)
                if np.isfinite(expected.accuracy):
                    found = asy.simulate(
                        state.mixture,
                        clf,
                        ratio,
                        n=SAMPLES,
                        trials=TRIALS,
                        projector=projector,
                        rng=np.random.SeedSequence(0, spawn_key=(k,)),
                    )
                    accuracy, stderr = found.mean, found.stderr
            yield Point(name, x, float(accuracy), float(stderr), done, total)


class Job:
    """A simulation in a thread of its own.

    Parameters
    ----------
    state : State
    report : callable
        Called in that thread with each point, and with None at the end, unless stopped.
    """

    def __init__(self, state: State, report: Callable[[Point | None], None]) -> None:
        self._state, self._report = state, report
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further point is reported; the one under way is thrown away."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        while not _TURN.acquire(timeout=0.1):
            if self._stopped.is_set():
                return
        try:
            for point in _points(self._state):
                if self._stopped.is_set():
                    return
                self._report(point)
            self._report(None)
        finally:
            _TURN.release()
