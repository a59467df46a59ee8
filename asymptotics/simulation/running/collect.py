"""Many experiments: their trials cut into blocks, computed anywhere, collected here.

There is one level of parallelism, joblib's, with the backend and the number of workers left to the
caller: ``joblib.parallel_config("dask")`` moves everything to a cluster. A task is a few blocks of
about a second together, and a few kilobytes to send. This process alone writes blocks to the
store, so that workers need no file system in common. What is lost with a worker is sent again.
"""

from __future__ import annotations

import numbers
import pickle
import time
import traceback
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ...checks import Array
from ...intake import shown
from ...outcomes import ConvergenceError
from ..experiment import Experiment
from .jobs import Job, Schedule, Shard, check_shard, missing_trials
from .parcels import Block, Courier, Missing, Parcel, Task
from .progress import Progress
from .store import Store

__all__ = ["Collection", "Shard", "check_n_jobs", "check_shard", "collect"]

# How often in a row workers may fail before a single block is finished. Each time all that was in
# the hands of any worker is sent again.
_ATTEMPTS = 10
# After so long without any result, or so many times the longest trial yet, tasks are taken to be
# lost and sent again: joblib's dask backend does not say when dask has given up on one. Each time
# the patience doubles, so that trials that take longer do end.
_PATIENCE_SECONDS = 600.0
_PATIENCE_TRIALS = 30.0
# More workers than this were never meant: each is a process, and joblib starts all it is asked for.
_MOST_WORKERS = 10_000


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


def _results(
    schedule: Schedule, n_jobs: int | None, workers: int, timeout: float | None
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


def check_n_jobs(n_jobs: Any) -> int | None:
    """Refuse what joblib would not understand, and what no cluster has."""
    if n_jobs is None:
        return None
    if isinstance(n_jobs, (bool, np.bool_)) or not isinstance(n_jobs, numbers.Integral):
        raise TypeError(f"n_jobs must be an integer or None, got {shown(n_jobs)}")
    if n_jobs == 0:
        raise ValueError("n_jobs must be a non-zero integer or None, got 0")
    if abs(int(n_jobs)) > _MOST_WORKERS:
        raise ValueError(
            f"n_jobs must be in [-{_MOST_WORKERS}, {_MOST_WORKERS}] or None, got {shown(n_jobs)}"
        )
    return int(n_jobs)


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
        Number of workers, as in joblib, but no more than there are trials to be done.
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
    import joblib  # noqa: F401, here and not where Ctrl-C would leave it half imported
    from threadpoolctl import threadpool_limits

    targets = [trials] * len(experiments) if isinstance(trials, int) else trials
    jobs = [Job(*each, store) for each in zip(experiments, roots, targets, strict=True)]
    todo = sum(len(run) for runs in missing_trials(jobs, shard) for run in runs)
    progress_bar = Progress(jobs, todo, limits, progress)
    interrupted = False
    try:
        with threadpool_limits(1), progress_bar as bar:  # one for workers that are threads
            _work(jobs, shard, n_jobs, bar)
    except KeyboardInterrupt:
        interrupted = True
    return Collection(
        [job.rows() for job in jobs],
        {k: job.failure for k, job in enumerate(jobs) if job.failure is not None},
        interrupted,
    )


def _work(jobs: Sequence[Job], shard: Shard | None, n_jobs: int | None, bar: Progress) -> None:
    """Have all trials done; what is lost with workers is sent again."""
    from joblib import effective_n_jobs

    workers = effective_n_jobs(n_jobs)
    trials = sum(len(run) for runs in missing_trials(jobs, shard) for run in runs)
    if workers > trials:
        n_jobs = workers = max(trials, 1)
    courier = Courier(workers)
    seconds: dict[tuple[Any, ...], float] = {}
    idle, patience = 0, _PATIENCE_SECONDS
    lost: Exception | None = None
    while any(missing := missing_trials(jobs, shard)):
        if idle == _ATTEMPTS:
            _give_up(jobs, missing, lost)
            return
        idle += 1
        lost = None
        schedule = Schedule(jobs, missing, workers, courier, seconds)
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
                    schedule.learn(result.job, result.trials, result.seconds)
                    if isinstance(result.rows, Exception):
                        jobs[result.job].fail(result.trials, result.rows)
                    else:
                        jobs[result.job].add(result.trials, result.rows)
                    bar.count(result.job, result.trials)
        finally:
            with warnings.catch_warnings():
                # Joblib's, about results that nobody will fetch.
                warnings.simplefilter("ignore", UserWarning)
                finished.close()


def _give_up(
    jobs: Sequence[Job], missing: Sequence[Sequence[range]], lost: Exception | None
) -> None:
    """Let what is missing fail, by what befell the workers."""
    for job, runs in zip(jobs, missing, strict=True):
        if runs and job.failure is None:
            error = RuntimeError(f"workers failed {_ATTEMPTS} times without a result: {lost!r}")
            error.__cause__ = lost
            job.fail(runs[0], error)
