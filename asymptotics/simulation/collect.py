"""Many experiments: their trials cut into blocks, computed anywhere, collected here.

There is one level of parallelism, joblib's, with the backend and the number of workers left to the
caller: ``joblib.parallel_config("dask")`` moves everything to a cluster. A task is a few blocks of
about a second together, and a few kilobytes to send. This process alone writes blocks to the
store, so that workers need no file system in common. What is lost with a worker is sent again.
"""

from __future__ import annotations

import math
import pickle
import time
import traceback
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError
from ..parameters import Array, check_integer
from .experiment import FIELDS, Experiment
from .fingerprint import describe_experiment, fingerprint
from .parcels import Block, Courier, Missing, Parcel, Task
from .scores import standard_score
from .store import Store

__all__ = ["Collection", "Shard", "check_n_jobs", "check_shard", "collect"]

# What a task should take: long beside the handling of a task, short beside what Ctrl-C may lose.
_TASK_SECONDS = 1.0
# Blocks in one task: with parameters of some hundred bytes each, a few kilobytes.
_TASK_BLOCKS = 8
# How often in a row workers may fail before a single block is finished. Each time all that was in
# the hands of any worker is sent again.
_ATTEMPTS = 4
# After so long without any result, or so many times the longest trial yet, tasks are taken to be
# lost and sent again: joblib's dask backend does not say when dask has given up on one. Each time
# the patience doubles, so that trials that take longer do end.
_PATIENCE_SECONDS = 600.0
_PATIENCE_TRIALS = 30.0
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
    rows : list of array, shape (trials done, fields, *shape of the experiment)
        In the order of the trials, without those that another shard has not delivered yet.
    failures : dict of int to Exception
        The experiments of which a trial failed, and how the first such trial did. What there is
        of their rows depends on chance.
    interrupted : bool
        Whether Ctrl-C ended it early.
    """

    rows: list[Array]
    failures: dict[int, Exception] = field(default_factory=dict)
    interrupted: bool = False


class _Result(NamedTuple):
    """A block's rows, or the error that ended it."""

    job: int
    trials: range
    rows: Array | Exception
    seconds: float


def _compute(tasks: tuple[Task | Parcel]) -> list[_Result | Missing]:
    """What a worker does; a tuple, because dask loses with a worker what it has scattered to it."""
    return [
        block if isinstance(block, Missing) else _run(block)
        for task in tasks
        for block in task.open()
    ]


def _run(block: Block) -> _Result:
    start = time.perf_counter()
    rows: Array | Exception
    try:
        rows = block.experiment.run(block.root, block.trials)
    except (ConvergenceError, ValueError) as error:
        rows = error
    except Exception as error:  # a fault of the code, or of the machine, and not of the workers
        rows = _portable(error)
    return _Result(block.job, block.trials, rows, time.perf_counter() - start)


def _portable(error: Exception) -> Exception:
    """The error with its traceback in words, which it would lose on its way."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class _Job:
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
        self._rows = np.empty((target, len(FIELDS), *experiment.shape))
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


class _Schedule:
    """The tasks, each cut when it is asked for, to the length that the last ones suggest.

    Joblib asks from a thread of its own, which reads what :meth:`learn` writes and nothing else.
    """

    def __init__(
        self,
        jobs: Sequence[_Job],
        missing: Sequence[Sequence[range]],
        workers: int,
        courier: Courier,
        seconds: dict[tuple[Any, ...], float],
    ) -> None:
        self._jobs, self._missing = jobs, missing
        self._workers, self._courier = workers, courier
        self._seconds = seconds  # of a trial of each kind
        self._left = sum(len(run) for runs in missing for run in runs)

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


def _results(
    schedule: _Schedule, n_jobs: int | None, workers: int, timeout: float | None
) -> Generator[list[_Result | Missing]]:
    """The results of the tasks, in the order in which they are finished."""
    from joblib import Parallel, delayed

    tasks = (delayed(_compute)((task,)) for task in schedule)
    try:
        parallel = Parallel(
            n_jobs=n_jobs, batch_size=1, timeout=timeout, return_as="generator_unordered"
        )
    except ValueError:  # a backend that hands over its results only all at once
        parallel = Parallel(n_jobs=n_jobs, batch_size=1)
        while some := list(islice(tasks, 2 * workers)):
            yield from parallel(some)
    else:
        yield from parallel(tasks)


class _Progress:
    """A bar of trials that also counts finished blocks and shows the worst z-score so far."""

    def __init__(self, jobs: Sequence[_Job], trials: int, limits: Any, show: bool) -> None:
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
            self._score(result.job)
            shown["worst |z|"] = f"{self._scores.max():.1f}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(len(result.trials))

    def _score(self, number: int) -> None:
        accuracy = self._jobs[number].rows()[:, 0]
        if len(accuracy) >= _SHOWN_TRIALS:
            z = np.abs(standard_score(accuracy, self._limits[number]))
            self._scores[number] = np.max(np.where(np.isnan(z), 0.0, z))


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
    from threadpoolctl import threadpool_limits

    targets = [trials] * len(experiments) if isinstance(trials, int) else trials
    jobs = [_Job(*each, store) for each in zip(experiments, roots, targets, strict=True)]
    interrupted = False
    todo = sum(len(run) for runs in _missing(jobs, shard) for run in runs)
    try:
        with (
            threadpool_limits(1),  # for the workers that are threads of this process
            _Progress(jobs, todo, limits, progress) as bar,
        ):
            _work(jobs, shard, n_jobs, bar)
    except KeyboardInterrupt:
        interrupted = True
    return Collection(
        [job.rows() for job in jobs],
        {k: job.failure for k, job in enumerate(jobs) if job.failure is not None},
        interrupted,
    )


def _missing(jobs: Sequence[_Job], shard: Shard | None) -> list[list[range]]:
    """What of the share is not done, of each job."""
    if shard is None:
        return [job.missing(0, 1) for job in jobs]
    count = shard.count
    return [job.missing((shard.index - k) % count, count) for k, job in enumerate(jobs)]


def _work(jobs: Sequence[_Job], shard: Shard | None, n_jobs: int | None, bar: _Progress) -> None:
    """Have all trials done; what is lost with workers is sent again."""
    from joblib import effective_n_jobs

    workers = effective_n_jobs(n_jobs)
    courier = Courier(workers)
    seconds: dict[tuple[Any, ...], float] = {}
    idle, patience = 0, _PATIENCE_SECONDS
    lost: Exception | None = None
    while any(missing := _missing(jobs, shard)):
        if idle == _ATTEMPTS:
            _give_up(jobs, missing, lost)
            return
        idle += 1
        lost = None
        schedule = _Schedule(jobs, missing, workers, courier, seconds)
        longest = _PATIENCE_TRIALS * max(seconds.values(), default=0.0)
        timeout = None if workers == 1 else max(patience, longest)
        finished = _results(schedule, n_jobs, workers, timeout)
        try:
            while True:
                try:
                    results = next(finished)
                except StopIteration:
                    break
                except TimeoutError:
                    patience, idle = 2.0 * patience, idle - 1
                    break
                except Exception as error:  # no trial's: those come as results
                    lost = error
                    break
                for result in results:
                    if isinstance(result, Missing):
                        courier.send_again(result)
                        continue
                    idle = 0
                    schedule.learn(result)
                    if isinstance(result.rows, Exception):
                        jobs[result.job].fail(result.trials, result.rows)
                    else:
                        jobs[result.job].add(result.trials, result.rows)
                    bar.count(result)
        finally:
            with warnings.catch_warnings():
                # Joblib's, about results that nobody will fetch.
                warnings.simplefilter("ignore", UserWarning)
                finished.close()


def _give_up(
    jobs: Sequence[_Job], missing: Sequence[Sequence[range]], lost: Exception | None
) -> None:
    """Let what is missing fail, by what befell the workers."""
    for job, runs in zip(jobs, missing, strict=True):
        if runs and job.failure is None:
            error = RuntimeError(f"workers failed {_ATTEMPTS} times without a result: {lost!r}")
            error.__cause__ = lost
            job.fail(runs[0], error)
