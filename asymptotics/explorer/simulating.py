"""Points of a view, one after another, in a thread that any change can stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

import asymptotics as asy

from .several import Filled, slow_points
from .state import State

__all__ = ["POINTS", "SAMPLES", "TRIALS", "Job", "Point", "filling", "places", "simulation"]

# Of a training set, of training sets behind a point, and of points a curve.
SAMPLES, TRIALS, POINTS = 300, 20, 9
# Where the points lie: the middle of the axis, in which simulation takes about a second a curve.
_GAINS = (0.1, 10.0)
_RATIOS = (0.1, 3.0)
# The whole server runs one simulation at a time, and fills the lines of one page at a time.
_SIMULATING, _FILLING = threading.Lock(), threading.Lock()
_Step = TypeVar("_Step")


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
    total, done = len(xs) * len(state.shown), 0
    for name in state.shown:
        for k, x in enumerate(xs):
            done += 1
            gain, ratio = (x, state["aspect_ratio"]) if state.view == "gain" else (state["gain"], x)
            clf, projector = state.classifier(name), state.projector(gain)
            accuracy = stderr = np.nan
            # without a limit here, or with training sets that cannot be trained on: no point
            with suppress(ValueError, asy.ConvergenceError):
                if state.several or _exists(state, name, ratio, gain):
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


def _exists(state: State, name: str, ratio: float, gain: float) -> bool:
    found = asy.limit(
        state.mixture, state.classifier(name), ratio, state.projector(gain), throw=False
    )
    return bool(np.isfinite(found.accuracy))


class Job(Generic[_Step]):
    """Work in a thread of its own.

    Parameters
    ----------
    steps : iterator
        The work, a step at a time.
    report : callable
        Called in that thread with each step's result, and with None at the end, unless stopped.
    turn : Lock
        What the jobs of a kind, of all pages, wait for.
    """

    def __init__(
        self, steps: Iterator[_Step], report: Callable[[_Step | None], None], turn: threading.Lock
    ) -> None:
        self._steps, self._report, self._turn = steps, report, turn
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further result is reported; the one under way is thrown away."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._turn.acquire(timeout=0.1):
            if self._stopped.is_set():
                return
        try:
            if self._stopped.is_set():
                return
            for step in self._steps:
                if self._stopped.is_set():
                    return
                self._report(step)
            self._report(None)
        finally:
            self._turn.release()


def simulation(state: State, report: Callable[[Point | None], None]) -> Job[Point]:
    """The simulated points of a view."""
    return Job(_points(state), report, _SIMULATING)


def filling(state: State, report: Callable[[Filled | None], None]) -> Job[Filled]:
    """The points of the lines that take long."""
    return Job(slow_points(state), report, _FILLING)
