"""Many experiments: their trials cut into blocks, computed anywhere, collected here.

There is one level of parallelism, joblib's, with the backend and the number of workers left to the
caller: ``joblib.parallel_config("dask")`` moves everything to a cluster. A task is a few blocks of
about a second together, and a few kilobytes to send. This process alone writes blocks to the
store, so that workers need no file system in common.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError
from ..parameters import Array, check_integer
from .experiment import FIELDS, Experiment
from .fingerprint import describe_experiment, fingerprint
from .store import Store

__all__ = ["Collection", "Shard", "check_n_jobs", "check_shard", "collect"]

# What a task should take: long beside the handling of a task, short beside what Ctrl-C may lose.
_TASK_SECONDS = 1.0
# Blocks in one task: with parameters of some hundred bytes each, a few kilobytes.
_TASK_BLOCKS = 8
# Trials behind a z-score before it is shown as the worst so far.
_SHOWN_TRIALS = 10


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the trials of many experiments; `index` counts from 0.

    Trial t of experiment e belongs to shard (e + t) mod `count`: whatever an experiment costs, each
    shard gets its part of it.
    """

    index: int
    count: int


@dataclass
class Collection:
    """What was collected, in the order of the experiments.

    Attributes
    ----------
    rows : list of array, shape (trials done, fields)
        In the order of the trials, without those that another shard has not delivered yet.
    failures : dict of int to Exception
        The experiments of which a trial failed, and how.
    interrupted : bool
        Whether Ctrl-C ended it early.
    """

    rows: list[Array]
    failures: dict[int, Exception] = field(default_factory=dict)
    interrupted: bool = False


class _Block(NamedTuple):
    """Some trials of one experiment, to be computed."""

    job: int
    experiment: Experiment
    root: np.random.SeedSequence
    trials: range


class _Result(NamedTuple):
    """A block's rows, or the error that ended it."""

    job: int
    trials: range
    rows: Array | Exception
    seconds: float


def _compute(blocks: tuple[_Block, ...]) -> list[_Result]:
    """What a worker does; a tuple, because dask loses with a worker what it has scattered to it."""
    results = []
    for job, experiment, root, trials in blocks:
        start = time.perf_counter()
        rows: Array | Exception
        try:
            rows = experiment.run(root, trials)
        except (ConvergenceError, ValueError) as error:
            rows = error
        results.append(_Result(job, trials, rows, time.perf_counter() - start))
    return results


class _Job:
    """One experiment: which trials are done, and which are missing."""

    def __init__(
        self,
        experiment: Experiment,
        root: np.random.SeedSequence,
        target: int,
        store: Store | None,
    ) -> None:
        self.experiment, self.root, self.target, self.store = experiment, root, target, store
        self.failure: Exception | None = None
        self.done: dict[int, Array] = {}
        if store is not None:
            self.description = describe_experiment(experiment, root)
            self.key = fingerprint(self.description)
            self.done = store.read(self.key)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Trials of one kind take about the same time."""
        e = self.experiment
        return type(e.clf), e.method, e.n, e.dimension

    def missing(self, first: int, step: int) -> list[range]:
        """The trials first, first + step, … that are not done, as ranges of that step."""
        runs: list[range] = []
        for trial in range(first, self.target, step):
            if trial in self.done:
                continue
            if runs and runs[-1].stop == trial:
                runs[-1] = range(runs[-1].start, trial + step, step)
            else:
                runs.append(range(trial, trial + step, step))
        return runs

    def add(self, trials: range, rows: Array) -> None:
        if self.store is not None:
            self.store.write(self.key, self.description, trials, rows)
        self.done.update(zip(trials, rows, strict=True))

    def rows(self) -> Array:
        chosen = [self.done[trial] for trial in sorted(self.done) if trial < self.target]
        return np.array(chosen).reshape(-1, len(FIELDS))


class _Schedule:
    """The tasks, each cut when it is asked for, to the length that the last ones suggest.

    Joblib asks from a thread of its own, which reads what :meth:`learn` writes and nothing else.
    """

    def __init__(self, jobs: Sequence[_Job], shard: Shard | None, workers: int) -> None:
        self._jobs, self._workers = jobs, workers
        self._missing = []
        for number, job in enumerate(jobs):
            first, step = 0, 1
            if shard is not None:
                first, step = (shard.index - number) % shard.count, shard.count
            self._missing.append(job.missing(first, step))
        self.trials = sum(len(run) for runs in self._missing for run in runs)
        self._left = self.trials
        self._seconds: dict[tuple[Any, ...], float] = {}

    def learn(self, result: _Result) -> None:
        kind = self._jobs[result.job].kind
        self._seconds[kind] = max(result.seconds / len(result.trials), 1e-9)

    def _length(self, kind: tuple[Any, ...]) -> int:
        """How many trials a block may have: one, until it is known how long they take."""
        seconds = self._seconds.get(kind)
        if seconds is None:
            return 1
        even = self._left if self._workers == 1 else math.ceil(self._left / (2 * self._workers))
        return max(1, min(int(_TASK_SECONDS / seconds), even))

    def __iter__(self) -> Iterator[tuple[_Block, ...]]:
        task: list[_Block] = []
        seconds = 0.0
        for number, (job, runs) in enumerate(zip(self._jobs, self._missing, strict=True)):
            for run in runs:
                rest = run
                while len(rest) and job.failure is None:
                    length = self._length(job.kind)
                    block, rest = rest[:length], rest[length:]
                    self._left -= len(block)
                    task.append(_Block(number, job.experiment, job.root, block))
                    seconds += self._seconds.get(job.kind, _TASK_SECONDS) * len(block)
                    if seconds >= 0.5 * _TASK_SECONDS or len(task) == _TASK_BLOCKS:
                        yield tuple(task)
                        task, seconds = [], 0.0
        if task:
            yield tuple(task)


def _results(schedule: _Schedule, n_jobs: int | None, workers: int) -> Generator[list[_Result]]:
    """The results of the tasks, in the order in which they are finished."""
    from joblib import Parallel, delayed

    tasks = (delayed(_compute)(task) for task in schedule)
    try:
        parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    except ValueError:  # a backend that hands over its results only all at once
        parallel = Parallel(n_jobs=n_jobs, batch_size=1)
        while some := list(islice(tasks, 2 * workers)):
            yield from parallel(some)
    else:
        yield from parallel(tasks)


class _Progress:
    """A bar of trials that also counts finished blocks and shows the worst z-score so far."""

    def __init__(self, total: int, jobs: Sequence[_Job], limits: Any, show: bool) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, desc="simulating", unit="trial", disable=not show)
        self._jobs, self._limits, self._show = jobs, limits, show
        self._blocks, self._worst = 0, 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def count(self, result: _Result) -> None:
        if not self._show:
            return
        self._blocks += 1
        shown: dict[str, Any] = {"blocks": self._blocks}
        if self._limits is not None:
            accuracy = self._jobs[result.job].rows()[:, 0]
            if len(accuracy) >= _SHOWN_TRIALS and np.ptp(accuracy):
                error = accuracy.std(ddof=1) / math.sqrt(len(accuracy))
                z = abs(accuracy.mean() - self._limits[result.job]) / error
                self._worst = max(self._worst, float(np.nan_to_num(z)))
            shown["worst |z|"] = f"{self._worst:.1f}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(len(result.trials))


def check_n_jobs(n_jobs: Any) -> int | None:
    """Refuse what joblib would not understand."""
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, int)):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    if n_jobs == 0:
        raise ValueError("n_jobs must be a non-zero integer or None, got 0")
    return n_jobs


def check_shard(shard: Any, checkpoint: Any) -> Shard | None:
    """The share (i, k), counted from 1; None stays None."""
    if shard is None:
        return None
    try:
        index, count = shard
    except (TypeError, ValueError):
        raise TypeError(f"shard must be a pair (i, k), got {shard!r}") from None
    count = check_integer("shard k", count, 1)
    index = check_integer("shard i", index, 1)
    if index > count:
        raise ValueError(f"shard must be (i, k) with 1 <= i <= k, got {shard!r}")
    if checkpoint is None:
        raise ValueError("checkpoint must be given with a shard, got None: its share would be lost")
    return Shard(index - 1, count)


def collect(
    experiments: Sequence[Experiment],
    roots: Sequence[np.random.SeedSequence],
    trials: int | Sequence[int],
    *,
    n_jobs: int | None = None,
    store: Store | None = None,
    shard: Shard | None = None,
    limits: Any = None,
    progress: bool = False,
) -> Collection:
    """The first `trials` trials of each experiment, those that the store has included.

    A trial that fails ends its own experiment only. Ctrl-C ends the collection, and what is done
    is returned.

    Parameters
    ----------
    experiments, roots : sequence
        Each experiment with the root of its randomness.
    trials : int or sequence of int
        How many trials each has in the end.
    n_jobs : int, optional
        Number of workers, as in joblib.
    store : Store, optional
        Where finished blocks are kept and found again.
    shard : Shard, optional
        Compute this share only.
    limits : array_like, optional
        The expected accuracy of each experiment, for the progress bar.
    progress : bool, default False

    Raises
    ------
    CheckpointError
        If the store cannot be read or written to.
    """
    from joblib import effective_n_jobs
    from threadpoolctl import threadpool_limits

    targets = [trials] * len(experiments) if isinstance(trials, int) else trials
    jobs = [_Job(*each, store) for each in zip(experiments, roots, targets, strict=True)]
    workers = effective_n_jobs(n_jobs)
    schedule = _Schedule(jobs, shard, workers)
    interrupted = False
    with (
        threadpool_limits(1),  # for the workers that are threads of this process
        _Progress(schedule.trials, jobs, limits, progress) as bar,
    ):
        finished = _results(schedule, n_jobs, workers)
        try:
            for results in finished:
                for result in results:
                    schedule.learn(result)
                    job = jobs[result.job]
                    if isinstance(result.rows, Exception):
                        job.failure = job.failure or result.rows
                    else:
                        job.add(result.trials, result.rows)
                    bar.count(result)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            finished.close()
    return Collection(
        [job.rows() for job in jobs],
        {k: job.failure for k, job in enumerate(jobs) if job.failure is not None},
        interrupted,
    )
