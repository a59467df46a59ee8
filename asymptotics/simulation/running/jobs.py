"""What is to be done: the trials of each experiment, shared out and cut into tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import Array, check_integer
from ...intake import shown
from ..experiment import Experiment
from .fingerprint import describe_experiment, fingerprint
from .parcels import Block, Courier, Task
from .store import Store

__all__ = ["Job", "Schedule", "Shard", "check_shard", "missing_trials"]

# What a task should take: long beside the handling of a task, short beside what Ctrl-C may lose.
_TASK_SECONDS = 1.0
# Blocks in one task: with parameters of some hundred bytes each, a few kilobytes.
_TASK_BLOCKS = 8


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the trials of many experiments; `index` counts from 0.

    Trial t of experiment e belongs to shard (e + t) mod `count`: whatever an experiment costs, each
    shard gets its part of it.
    """

    index: int
    count: int


def check_shard(shard: Any, checkpoint: Any) -> Shard | None:
    """The share (i, k), counted from 1; None stays None."""
    if shard is None:
        return None
    try:
        index, count = shard
    except (TypeError, ValueError):
        raise TypeError(f"shard must be a pair (i, k), got {shown(shard)}") from None
    count = check_integer("shard k", count, 1)
    index = check_integer("shard i", index, 1)
    if index > count:
        raise ValueError(f"shard must be (i, k) with 1 <= i <= k, got {shown(shard)}")
    if checkpoint is None:
        raise ValueError("checkpoint must be given with a shard, got None: its share would be lost")
    return Shard(index - 1, count)


class Job:
    """One experiment: which trials are done, and which are missing."""

    def __init__(
        self,
        experiment: Experiment,
        root: np.random.SeedSequence,
        target: int,
        store: Store | None,
    ) -> None:
        self.experiment, self.root, self.store = experiment, root, store
        self.done = np.zeros(target, dtype=bool)
        self._rows = np.empty((target, len(experiment.fields), *experiment.shape))
        self._failed: tuple[int, Exception] | None = None
        if store is not None:
            self.description = describe_experiment(experiment, root)
            self.key = fingerprint(self.description)
            for trials, rows in store.read(self.key, self._rows.shape[1:]):
                self._keep(trials, rows)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Trials of one kind take about the same time."""
        e = self.experiment
        return type(e.clf), e.method, e.n, e.dimension, e.shape

    @property
    def failure(self) -> Exception | None:
        return None if self._failed is None else self._failed[1]

    @property
    def end(self) -> int:
        """The trials from here on need not be done: the target, or those from a failed one on."""
        return len(self.done) if self._failed is None else self._failed[0]

    def missing(self, first: int, step: int) -> list[range]:
        """The trials first, first + step, … that are not done, as ranges of that step."""
        runs: list[range] = []
        for place in np.flatnonzero(~self.done[first : self.end : step]).tolist():
            trial = first + step * place
            if runs and runs[-1].stop == trial:
                runs[-1] = range(runs[-1].start, trial + step, step)
            else:
                runs.append(range(trial, trial + step, step))
        return runs

    def add(self, trials: range, rows: Array) -> None:
        if self.store is not None:
            self.store.write(self.key, self.description, trials, rows)
        self._keep(trials, rows)
        if self.done.all():
            self.experiment.forget()

    def fail(self, trials: range, error: Exception) -> None:
        """Keep the first failure: those before it are all tried, so that it is always the same."""
        if trials.start < self.end:
            self._failed = trials.start, error
        self.experiment.forget()

    def _keep(self, trials: range, rows: Array) -> None:
        index = np.array(trials)
        wanted = index < len(self.done)
        self._rows[index[wanted]] = rows[wanted]
        self.done[index[wanted]] = True

    def rows(self) -> Array:
        return self._rows[self.done]


def missing_trials(jobs: Sequence[Job], shard: Shard | None) -> list[list[range]]:
    """What of the share is not done, of each job."""
    if shard is None:
        return [job.missing(0, 1) for job in jobs]
    count = shard.count
    return [job.missing((shard.index - k) % count, count) for k, job in enumerate(jobs)]


class Schedule:
    """The tasks, each cut when it is asked for, to the length that the last ones suggest.

    Joblib asks from a thread of its own, which reads what :meth:`learn` writes and nothing else.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        missing: Sequence[Sequence[range]],
        workers: int,
        courier: Courier,
        seconds: dict[tuple[Any, ...], float],
    ) -> None:
        self._jobs, self._missing = jobs, missing
        self._workers, self._courier = workers, courier
        self._seconds = seconds  # of a trial of each kind
        self._left = sum(len(run) for runs in missing for run in runs)

    def learn(self, job: int, trials: range, seconds: float) -> None:
        self._seconds[self._jobs[job].kind] = max(seconds / len(trials), 1e-9)

    def _length(self, kind: tuple[Any, ...]) -> int:
        """How many trials a block may have: one, until it is known how long they take."""
        seconds = self._seconds.get(kind)
        if seconds is None:
            return 1
        even = self._left if self._workers == 1 else math.ceil(self._left / (2 * self._workers))
        return max(1, min(int(_TASK_SECONDS / seconds), even))

    def __iter__(self) -> Iterator[Task]:
        task: list[Block] = []
        seconds = 0.0
        for number, (job, runs) in enumerate(zip(self._jobs, self._missing, strict=True)):
            for run in runs:
                rest = run
                while len(rest) and rest.start < job.end:
                    length = self._length(job.kind)
                    block, rest = rest[:length], rest[length:]
                    self._left -= len(block)
                    task.append(Block(number, job.experiment, job.root, block))
                    seconds += self._seconds.get(job.kind, _TASK_SECONDS) * len(block)
                    if seconds >= 0.5 * _TASK_SECONDS or len(task) == _TASK_BLOCKS:
                        yield Task(task, self._courier)
                        task, seconds = [], 0.0
        if task:
            yield Task(task, self._courier)
