"""Limits and simulations over a labelled grid of parameters."""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import POSITIVE, Array, check_flag, check_integer, check_real
from ..classifiers import Classifier, Flipped
from ..intake import shown
from ..outcomes import METRICS, Limit, Status, StatusArray
from ..populations.base import Population
from ..populations.gaussian import GaussianMixture
from ..projectors import Projector
from ..questions.imbalance import warn_of_imbalance
from ..questions.limits import limit
from ..randomness import root_sequence
from ..simulation.experiment import METHODS, Experiment
from ..simulation.running.collect import Collection, check_n_jobs, check_shard, collect
from ..simulation.running.fingerprint import ALGORITHM, describe
from ..simulation.running.store import Store
from ..simulation.scores import standard_error, standard_score
from ..simulation.trials import simulation_of
from .axes import Axes, Things, replace_parameters

if TYPE_CHECKING:
    from xarray import Dataset

__all__ = ["sweep"]

_LIMIT = ("accuracy", "error", "train_accuracy", "residual", "status")
_LABELS = {
    "accuracy": "limiting accuracy",
    "error": "limiting error, 1 - accuracy to its own precision",
    "train_accuracy": "limiting accuracy on the training set",
    "residual": "largest relative violation of the limit's equations",
    "status": "what became of the limit",
    "dimension": "number of features p",
    "expected": "limiting accuracy at the aspect ratio p/n of the simulation",
    "simulated": "mean accuracy of the trained classifiers",
    "stderr": "standard error of simulated",
    "z": "(simulated - expected)/stderr",
    "simulated_train_accuracy": "mean accuracy on the training sets",
    "trials": "number of training sets",
    "simulation_status": "what became of the simulation",
}
# The axes that a metric has besides those of the sweep.
_CLASSES = {"class_accuracy": ("class",), "confusion": ("class", "answer")}
# Parameters of which several classes, too, take an array.
_BATCHED = ("penalty", "aspect_ratio")
_PACKAGES = ("asymptotics", "numpy", "scipy", "scikit-learn", "joblib", "xarray")


def sweep(
    mix: Population | Mapping[str, Population],
    clf: Classifier | Mapping[str, Classifier],
    aspect_ratio: float | None = None,
    *,
    grid: Mapping[str, Any] | None = None,
    projector: Projector | Mapping[str, Projector] | None = None,
    n: int = 400,
    trials: int = 0,
    rng: Any = None,
    method: str = "auto",
    fixed_counts: bool = False,
    metrics: Sequence[str] = (),
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    shard: tuple[int, int] | None = None,
    progress: bool = False,
) -> Dataset:
    r"""Limits, and simulations beside them, over every combination of some parameters.

    The limits of the whole grid are one batch. The simulations are cut into blocks of about a
    second, run wherever joblib runs them, and kept in `checkpoint` as they are finished.

    Parameters
    ----------
    mix : population, or mapping of names to them
        The law of the representation. A mapping becomes a dimension ``population``.
    clf : classifier, or mapping of names to classifiers
        A mapping becomes a dimension ``classifier``.
    aspect_ratio : float, optional
        γ = p/n > 0, unless it is in the grid, or the dimension is fixed by a mixture or projector.
    grid : mapping of str to array_like
        The values of each parameter that varies, by name: those of `mix` (``signal``, ``noise``,
        ``balance``, ``spike_0_strength``, ``spike_0_alignment``, …), of `clf` (``penalty``), of
        `projector` (``gain``, ``alignment``, ``exponent``, …; ``outer_gain`` and ``inner_gain``
        where two composed ones share a name), ``aspect_ratio`` and ``n``. Each becomes a dimension.
        Where there are several populations, classifiers or projectors, those that do not have the
        parameter do not depend on it.
    projector : projector, or mapping of names to projectors, optional
        A mapping becomes a dimension ``projector``.
    n : int, default 400
        Size of a training set, unless it is in the grid.
    trials : int, default 0
        How many training sets each point has in the end, those in `checkpoint` included. Without
        any, only limits are computed.
    rng : int, SeedSequence, Generator or None
        The root of the randomness, the same for every point: each is what :func:`simulate` gives
        with the same `rng`, and differences between points are paired.
    method : {"auto", "direct", "exact-law"}
        As in :func:`simulate`.
    fixed_counts : bool, default False
        As in :func:`simulate`.
    metrics : sequence of str, default ()
        What to report besides accuracy, by the names that it has in :class:`Limit`:
        ``class_accuracy`` (with a dimension ``class``), ``balanced_accuracy``, ``confusion`` (with
        ``class`` and ``answer``); of two classes ``auc``, ``log_loss``, ``brier``,
        ``calibration_error``, ``best_intercept``, ``best_accuracy``, ``best_balanced_intercept``
        and ``best_balanced_accuracy``; ``log_loss`` of more. With trials also their mean over
        these, ``simulated_auc``, and its standard error, ``stderr_auc``.
    n_jobs : int, optional
        Number of workers, as in joblib, with the backend set by the caller's
        ``joblib.parallel_config``. It has no influence on the numbers.
    checkpoint : str or path, optional
        A folder in which finished blocks of trials are kept. Whatever happens to this process,
        running again goes on from there, to the same bits. Several processes may share it. A sweep
        that is to go on needs an `rng` that is not None.
    shard : (int, int), optional
        ``(i, k)``, counted from 1: compute the i-th of k shares of the trials, into `checkpoint`.
    progress : bool, default False
        Show a bar of trials, finished blocks and the worst \|z\| so far.

    Returns
    -------
    xarray.Dataset
        ``accuracy``, ``error``, ``train_accuracy``, ``residual`` and ``status`` of the limit. With
        trials, also ``simulated`` (their mean accuracy), ``stderr``, ``z``, ``trials``,
        ``simulated_train_accuracy``, ``simulation_status``, ``dimension`` (p), and ``expected``,
        the limit at the p/n that the rounding of p gives, to which z refers. Whatever is needed to
        repeat it is JSON in ``attrs["metadata"]``.
        Save it by ``to_netcdf(path, engine="h5netcdf")``.

    Raises
    ------
    TypeError, ValueError
        For invalid input, and for names that nothing has.
    CheckpointError
        If `checkpoint` cannot be read or written to.

    Warns
    -----
    CheckpointWarning
        If a block was damaged; its trials are drawn again.
    ImbalanceWarning
        As :func:`simulate`.
    UserWarning
        If a point's simulation failed or Ctrl-C ended the sweep: what is done is returned.

    Examples
    --------
    >>> import asymptotics as asy
    >>> found = asy.sweep(
    ...     asy.SpikedMixture(signal=1.5),
    ...     {"ridge": asy.Ridge(0.1), "logistic": asy.Logistic(0.1)},
    ...     projector=asy.Expansion(1.0),
    ...     grid={"gain": [0.3, 1.0, 3.0], "aspect_ratio": [0.5, 2.0]},
    ... )
    >>> dict(found.sizes)
    {'classifier': 2, 'gain': 3, 'aspect_ratio': 2}
    >>> round(float(found.accuracy.sel(classifier="logistic", gain=3.0, aspect_ratio=0.5)), 6)
    0.92396
    """
    import xarray  # not after the trials: an interrupted import may leave modules half made

    axes = Axes.of(mix, clf, projector, grid)
    metrics = _check_metrics(metrics)
    n, trials = check_integer("n", n, 2), check_integer("trials", trials, 0)
    ratio = _check_ratio(aspect_ratio, axes)
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {shown(method)}")
    check_n_jobs(n_jobs)
    progress = check_flag("progress", progress)
    fixed_counts = check_flag("fixed_counts", fixed_counts)
    share = check_shard(shard, checkpoint)
    if checkpoint is not None and rng is None:
        raise ValueError("rng must be given with a checkpoint, got None: no block would fit again")
    root = root_sequence(rng)
    store = None if checkpoint is None else Store(checkpoint)

    variables = _limits(axes, ratio, n, metrics)
    complete = True  # whether all trials asked for are in
    if trials:
        points = _Points.of(axes, ratio, n, method, fixed_counts, variables["status"])
        _warn_of_imbalance(axes, points, n, fixed_counts)
        found = collect(
            points.experiments,
            [root] * len(points.experiments),
            trials,
            n_jobs=n_jobs,
            store=store,
            shard=share,
            limits=points.expected[points.simulated],
            progress=progress,
        )
        variables |= _simulations(axes, points, found, trials, root, metrics)
        complete = not found.failures and all(len(rows) == trials for rows in found.rows)
        _warn(found, trials)

    variables["status"] = _words(variables["status"])
    metadata = {
        "parameters": {
            "mix": _describe(axes.populations),
            "clf": _describe(axes.classifiers),
            "projector": _describe(axes.projectors),
            "aspect_ratio": ratio,
            "n": n,
            "trials": trials,
            "method": method,
            "fixed_counts": fixed_counts,
            "metrics": list(metrics),
        },
        "grid": list(axes.values),
        "entropy": describe(root.entropy),
        "spawn_key": describe(root.spawn_key),
        "pool_size": root.pool_size,
        "algorithm": ALGORITHM,
        "complete": complete,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "machine": platform.machine(),
    }
    return xarray.Dataset(
        {name: _variable(axes, name, values) for name, values in variables.items()},
        coords=axes.coordinates,
        attrs={"metadata": json.dumps(metadata, allow_nan=False)},
    )


def _check_metrics(metrics: Any) -> tuple[str, ...]:
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f"metrics must be a sequence of names, got {shown(metrics)}")
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"metrics must be any of {', '.join(METRICS)}, got {shown(name)}")
    return tuple(dict.fromkeys(metrics))


def _variable(axes: Axes, name: str, values: Any) -> tuple[tuple[str, ...], Any, dict[str, str]]:
    """Its dimensions, values and description."""
    part, _, metric = name.partition("_")
    if part not in ("simulated", "stderr") or metric not in METRICS:
        metric = name
    more = _CLASSES.get(metric, ())
    if metric not in METRICS:
        text = _LABELS[name]
    elif metric == name:
        text = f"limiting {METRICS[metric]}"
    else:
        of = "mean over the trials" if part == "simulated" else "standard error of that mean"
        text = f"{METRICS[metric]}: {of}"
    return (*axes.dims[: np.ndim(values) - len(more)], *more), values, {"long_name": text}


def _words(status: StatusArray) -> Array:
    """The texts, as netCDF takes them: no wider than the longest that occurs."""
    return np.asarray(status, dtype=f"<U{max(map(len, status.counts()), default=1)}")


def _describe(things: Mapping[str, Any]) -> dict[str, Any]:
    """By name, and by their ``repr`` where there is nothing better."""
    found: dict[str, Any] = {}
    for name, thing in things.items():
        try:
            found[name] = describe(thing, whole=True)
        except TypeError:
            found[name] = repr(thing)
    return found


def _check_ratio(aspect_ratio: Any, axes: Axes) -> float | None:
    if "aspect_ratio" in axes.values:
        if aspect_ratio is not None:
            raise ValueError(
                "aspect_ratio must be left out, being in the grid as well, "
                f"got {shown(aspect_ratio)}"
            )
        return None
    if aspect_ratio is None:
        for things in axes.things():
            if _fixed_dimension(things) is None:
                raise ValueError(
                    "aspect_ratio must be given for a population of any dimension, got None"
                )
        return None
    ratio: float = check_real("aspect_ratio", aspect_ratio, POSITIVE)
    if np.ndim(ratio):
        raise ValueError(
            f"aspect_ratio must be a single number, or in the grid, got shape {np.shape(ratio)}"
        )
    return ratio


def _fixed_dimension(things: Things) -> int | None:
    return (
        things.mix.dimension
        if isinstance(things.mix, GaussianMixture)
        else (things.projector.input_dimension)
    )


# ---------------------------------------------------------------------------------- the limits


def _solve(axes: Axes, ratio: Callable[[Things], Any], fields: tuple[str, ...]) -> list[Any]:
    """Fields of the limits of the whole grid: one batch for each combination of names."""
    found: dict[str, list[tuple[tuple[Any, ...], Array]]] = {field: [] for field in fields}
    for things in axes.things():
        for index, result in _results(axes, things, ratio(things)):
            for field, pieces in found.items():
                values = getattr(result, field)
                codes = StatusArray(values).codes if field == "status" else np.asarray(values)
                pieces.append((things.place + index, codes))
    whole = {field: _joined(axes, field, pieces) for field, pieces in found.items()}
    return [
        StatusArray.from_codes(values) if field == "status" else values
        for field, values in whole.items()
    ]


def _results(axes: Axes, things: Things, ratio: Any) -> Iterator[tuple[tuple[Any, ...], Limit]]:
    """The limits of the grid, and where they stand in it: in one batch, if there is one.

    Populations of several classes, and a rate of label noise, are single ones.
    """
    mix, clf, projector = things.mix, things.clf, things.projector
    if mix.is_classic and not isinstance(clf, Flipped):
        arrays = axes.arrays()
        mix, clf = replace_parameters(mix, arrays), replace_parameters(clf, arrays)
        projector = replace_parameters(projector, arrays)
        yield (), limit(mix, clf, ratio, projector, throw=False)
        return
    ratios = np.broadcast_to(ratio, axes.shape[len(things.place) :])
    along = [name for name in axes.values if name in _BATCHED]
    batches = {
        name: axes.values[name].reshape([-1 if name == other else 1 for other in along])
        for name in along
    }
    single = {name: values for name, values in axes.values.items() if name not in along}
    for index in np.ndindex(*map(len, single.values())):
        chosen = {name: k for name, k in zip(single, index, strict=True)}
        place = tuple(chosen.get(name, slice(None)) for name in axes.values)
        values = {name: float(single[name][k]) for name, k in chosen.items()} | batches
        yield (
            place,
            limit(
                replace_parameters(mix, values),
                replace_parameters(clf, values),
                ratios[place],
                replace_parameters(projector, values),
                throw=False,
            ),
        )


def _joined(axes: Axes, name: str, pieces: Sequence[tuple[tuple[Any, ...], Array]]) -> Array:
    """Parts of the sweep in one array; of fewer classes than others have, the rest is NaN."""
    more = len(_CLASSES.get(name, ()))
    count = max(values.shape[-1] for _, values in pieces) if more else 0
    dtype = pieces[0][1].dtype
    whole = np.full(axes.shape + (count,) * more, np.nan if dtype.kind == "f" else 0, dtype)
    for place, values in pieces:
        own = [slice(values.shape[-1])] * more if more else []
        whole[(*place, ..., *own)] = values
    return whole


def _limits(axes: Axes, ratio: float | None, n: int, metrics: tuple[str, ...]) -> dict[str, Any]:
    """The limits, without a dimension n where they do not depend on it."""

    def nominal(things: Things) -> Any:
        arrays = axes.arrays()
        if "aspect_ratio" in arrays:
            return arrays["aspect_ratio"]
        if ratio is not None:
            return ratio
        return np.asarray(_fixed_dimension(things)) / arrays.get("n", n)

    names = _LIMIT + metrics
    fields = dict(zip(names, _solve(axes, nominal, names), strict=True))
    independent = ratio is not None or "aspect_ratio" in axes.values
    if "n" in axes.values and independent:
        fields = {
            name: values[(..., 0, *[slice(None)] * len(_CLASSES.get(name, ())))]
            for name, values in fields.items()
        }
    return fields


# ----------------------------------------------------------------------------- the simulations


@dataclass(frozen=True)
class _Points:
    """What is simulated.

    Attributes
    ----------
    simulated : array of bool, shape of the sweep
        Where the limit exists.
    experiments : list
        One for each of these, in order.
    dimension : array of int, shape of the sweep
        p; 0 where nothing is simulated.
    expected : array, shape of the sweep
        The limiting accuracy at p/n; NaN where nothing is simulated.
    status : StatusArray, shape of the sweep
        What became of it.
    """

    simulated: Array
    experiments: list[Experiment]
    dimension: Array
    expected: Array
    status: StatusArray

    @classmethod
    def of(
        cls,
        axes: Axes,
        ratio: float | None,
        n: int,
        method: str,
        fixed_counts: bool,
        status: StatusArray,
    ) -> _Points:
        if status.ndim < len(axes.shape):
            status = status[..., None]
        status = status.broadcast_to(axes.shape)
        simulated = (status == Status.CONVERGED) | (status == Status.NOT_CONVERGED)
        experiments = []
        dimension = np.zeros(axes.shape, dtype=np.int64)
        for things in axes.things():
            for index in np.ndindex(*map(len, axes.values.values())):
                if not simulated[things.place + index]:
                    continue
                chosen = zip(index, axes.values.items(), strict=True)
                values: dict[str, Any] = {name: along[k] for k, (name, along) in chosen}
                size = int(values.pop("n", n))
                values = {name: float(value) for name, value in values.items()}
                experiment = Experiment.of(
                    replace_parameters(things.mix, values),
                    replace_parameters(things.clf, values),
                    values.get("aspect_ratio", ratio),
                    n=size,
                    projector=replace_parameters(things.projector, values),
                    method=method,
                    fixed_counts=fixed_counts,
                )
                dimension[things.place + index] = experiment.dimension
                experiments.append(experiment)

        def realised(things: Things) -> Any:
            p = dimension[things.place]
            return np.where(p > 0, p, 1) / axes.arrays().get("n", n)

        expected, status = _solve(axes, realised, ("accuracy", "status"))
        expected = np.where(simulated, expected, np.nan)
        return cls(simulated, experiments, dimension, expected, status)


def _simulations(
    axes: Axes,
    points: _Points,
    found: Collection,
    trials: int,
    root: np.random.SeedSequence,
    metrics: tuple[str, ...],
) -> dict[str, Array]:
    """The variables of a simulation, each of the shape of the sweep."""
    more: dict[str, list[tuple[tuple[Any, ...], Array]]] = {
        f"{part}_{name}": [] for name in metrics for part in ("simulated", "stderr")
    }
    accuracy, training, error, z = (np.full(axes.shape, np.nan) for _ in range(4))
    count = np.zeros(axes.shape, dtype=np.int64)
    status = np.full(axes.shape, Status.NOT_SIMULATED, dtype=object)
    places = np.argwhere(points.simulated)
    for number, (place, rows) in enumerate(zip(map(tuple, places), found.rows, strict=True)):
        if number in found.failures:  # the trials that did not fail are no fair sample
            status[place] = f"failed: {found.failures[number]}"
            continue
        count[place] = len(rows)
        status[place] = Status.DONE if len(rows) == trials else Status.INCOMPLETE
        if points.status[place] != Status.CONVERGED:
            status[place] += f"; the limit at p/n: {points.status[place]}"
        if len(rows):
            experiment = points.experiments[number]
            columns = dict(zip(experiment.fields, rows.T, strict=True))
            accuracy[place] = columns["accuracy"].mean()
            training[place] = columns["train_accuracy"].mean()
            error[place] = standard_error(columns["accuracy"])
            z[place] = standard_score(columns["accuracy"], points.expected[place])
            each = simulation_of(experiment, rows, root) if metrics else None
            for name in metrics:
                values = getattr(each, name)
                more[f"simulated_{name}"].append((place, values.mean(0)))
                more[f"stderr_{name}"].append((place, np.asarray(standard_error(values))))
    return {
        "dimension": points.dimension,
        "expected": points.expected,
        "simulated": accuracy,
        "stderr": error,
        "z": z,
        "simulated_train_accuracy": training,
        "trials": count,
        "simulation_status": status.astype(str),
        **{
            name: _joined(axes, name.partition("_")[2], pieces)
            for name, pieces in more.items()
            if pieces
        },
    }


def _warn_of_imbalance(axes: Axes, points: _Points, n: int, fixed_counts: bool) -> None:
    """Once for each combination of names at most."""
    for things in axes.things():
        if not things.mix.is_classic or things.clf.wants_classes:
            continue  # of which it is not known what the counts do
        arrays = axes.arrays()
        p, size = points.dimension[things.place], arrays.get("n", n)
        warn_of_imbalance(
            replace_parameters(things.mix, arrays),
            replace_parameters(things.clf, arrays),
            np.where(p > 0, p, 1) / size,
            replace_parameters(things.projector, arrays),
            size,
            fixed_counts,
            where=p > 0,
            stacklevel=4,
        )


def _warn(found: Collection, trials: int) -> None:
    """Say what is not as it was asked for."""
    if found.failures:
        failures = list(found.failures.values())
        warnings.warn(
            f"{len(failures)} of {len(found.rows)} points failed, the first with: {failures[0]}",
            UserWarning,
            stacklevel=3,
        )
    if found.interrupted:
        done = sum(map(len, found.rows))
        warnings.warn(
            f"interrupted after {done} of {trials * len(found.rows)} trials: these are returned",
            UserWarning,
            stacklevel=3,
        )
