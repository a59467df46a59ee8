"""One experiment: what a trial draws and reports, wherever and in whatever order it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..checks import POSITIVE, Array, check_flag, check_integer, check_single
from ..classifiers import Classifier, Flipped, Ridge
from ..intake import shown
from ..metrics.accuracy import mixture_accuracy
from ..outcomes import ConvergenceError
from ..populations.base import Population, check_population
from ..populations.gaussian import GaussianMixture
from ..populations.labels import class_counts, counts_of_classes
from ..projectors import LinearMap, Projector, check_projector
from ..projectors.unlabelled import Unlabelled
from ..questions.limits import check_classifier
from ..randomness import trial_generator
from .class_trials import (
    check_classes_fit,
    class_answers,
    class_axes,
    class_fields,
    class_trial,
    unpack,
)
from .elements import elements, fitting
from .exact_classes import ClassLaw, class_unavailable
from .exact_law import Draw, ExactLaw, unavailable

__all__ = ["FIELDS", "METHODS", "Experiment"]

#: What a trial reports: the fields of a :class:`Simulation`.
FIELDS = ("accuracy", "train_accuracy", "overlap", "variance", "intercept")
METHODS = ("auto", "direct", "exact-law")
# From here on a float does not hold every integer.
_LARGEST_DIMENSION = 2**53

# Makes a trial's generator in its first state, once for each training set it serves.
_Start: TypeAlias = Callable[[], np.random.Generator]


class _Cell(NamedTuple):
    """One element of an experiment: single parameters, with matrices that no trial repeats."""

    mix: Population
    clf: Classifier
    projector: Projector
    law: ExactLaw | ClassLaw | None


@dataclass(frozen=True, eq=False)
class Experiment:
    """One classifier on one projected mixture at one n and p; trials are independent draws of it.

    Array parameters make it as many experiments as their broadcast shape has elements, and each
    trial serves them all: the same random numbers become the training set of every element.

    Attributes
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
    clf : classifier
    projector : projector
    n, dimension : int
        Size of a training set, and p.
    shape : tuple of int
        Broadcast shape of the parameters; () for single ones.
    method : str
        How training sets are drawn: "direct" or "exact-law".
    fixed_counts : bool
        Whether each holds round(nπ) points of class +1.
    """

    mix: Population
    clf: Classifier
    projector: Projector
    n: int
    dimension: int
    shape: tuple[int, ...]
    method: str
    fixed_counts: bool = False

    @classmethod
    def of(
        cls,
        mix: Population,
        clf: Classifier,
        aspect_ratio: float | None,
        *,
        n: int,
        projector: Projector | None = None,
        method: str = "auto",
        fixed_counts: bool = False,
    ) -> Experiment:
        """Check the input, as in :func:`simulate`, and settle p and the method.

        Raises
        ------
        TypeError, ValueError
            For invalid input, and for "exact-law" where it does not apply.
        """
        mix, clf = check_population(mix, several=True), check_classifier(clf, several=True)
        projector, n = check_projector(projector), check_integer("n", n, 2)
        shape = _shape(mix, clf, projector)
        _check_fit(mix, projector)
        dimension = _dimension(mix, projector, aspect_ratio, n)
        with np.errstate(over="ignore"):
            total = np.asarray(clf.penalty_values) * n
        if not np.all(np.isfinite(total)):  # what the estimators are given, or the inverse of it
            raise ValueError(
                f"penalty must be below {np.finfo(float).max / n:.3g} at n = {n}, "
                f"got {shown(clf.penalty_values)}"
            )
        if not isinstance(method, str) or method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {shown(method)}")
        if check_flag("fixed_counts", fixed_counts):
            _check_counts(mix, n)
        parts = _parts(mix, clf, projector, shape)
        why = unavailable if mix.is_classic else class_unavailable
        reasons = (why(m, c, p, n, dimension) for m, c, p in parts)
        reason = None if method == "direct" else next(filter(None, reasons), None)
        if method == "exact-law" and reason is not None:
            raise ValueError(f"method must be 'direct' or 'auto', got 'exact-law': {reason}")
        settled = "direct" if method == "direct" or reason is not None else "exact-law"
        return cls(mix, clf, projector, n, dimension, shape, settled, bool(fixed_counts))

    @property
    def fields(self) -> tuple[str, ...]:
        """What a trial reports, number by number."""
        return FIELDS if self.mix.is_classic else class_fields(self.mix, self.clf)

    @property
    def answers(self) -> tuple[Array, Array | None]:
        """Probability of each class or cluster, shape (*shape, K), and its label of one score."""
        if not self.mix.is_classic:
            return class_answers(self.mix, self.clf)
        balance = np.broadcast_to(self.mix.balance, self.shape)
        return np.stack([1.0 - balance, balance], axis=-1), np.array([-1.0, 1.0])

    def unpacked(self, columns: Array) -> dict[str, Array]:
        """The fields of a Simulation from columns of shape (fields, trials, *shape)."""
        if not self.mix.is_classic:
            return unpack(self.mix, self.clf, columns)
        return dict(zip(FIELDS, columns, strict=True))

    @cached_property
    def cells(self) -> tuple[_Cell, ...]:
        """The elements of the broadcast, flattened, with the matrices that all trials share.

        They are made where and when they are used, and by one thread, whose number would show in
        the last bits.
        """
        from threadpoolctl import threadpool_limits

        exact = self.method == "exact-law"
        made: dict[tuple[int, int], tuple[Population, Projector, Any]] = {}
        cells = []
        with threadpool_limits(1):
            for m, c, p in _parts(self.mix, self.clf, self.projector, self.shape):
                if (id(m), id(p)) not in made:
                    law = self._law(m, p) if exact else None
                    made[id(m), id(p)] = (m, p, law) if exact else (*_explicit(m, p), None)
                population, image, law = made[id(m), id(p)]
                cells.append(_Cell(population, c, image, law))
        return tuple(cells)

    def _law(self, mix: Any, projector: Projector) -> ExactLaw | ClassLaw:
        kind = ExactLaw if mix.is_classic else ClassLaw
        return kind.of(mix, projector, self.n, self.dimension, self.fixed_counts)

    def forget(self) -> None:
        """Let go of :attr:`cells`, which may be large; they are made again when needed."""
        self.__dict__.pop("cells", None)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def run(self, root: np.random.SeedSequence, trials: Iterable[int]) -> Array:
        """The :data:`FIELDS` of some trials; trial k depends on `root` and k alone.

        An element has to the last bit the values that it has in an experiment of its own.

        Returns
        -------
        array, shape (len(trials), len(FIELDS), *shape)

        Raises
        ------
        ValueError
            If the classifier does not exist on a training set.
        ConvergenceError
            If the estimator did not converge.
        """
        from threadpoolctl import threadpool_limits

        # The order of a sum, and with it the last bit, depends on the number of threads.
        with threadpool_limits(1):
            rows = [self._trial(root, trial) for trial in trials]
        return np.reshape(rows, (-1, len(self.fields), *self.shape))

    def _trial(self, root: np.random.SeedSequence, trial: int) -> Array:
        out = np.empty((len(self.fields), len(self.cells)))
        try:
            if not self.mix.is_classic:
                if self.method == "exact-law":
                    return self._classes_from_the_law(lambda: trial_generator(root, trial))
                cells = self.cells
                parts = [(cell.clf, cell.projector) for cell in cells]
                size = self.n, self.dimension
                start = partial(trial_generator, root, trial)
                return np.array(class_trial(cells[0].mix, parts, *size, start, self.fixed_counts)).T
            direct = self.method == "direct"  # whose estimators heed the warnings of overflow
            draws = self._direct if direct else self._from_the_law
            with nullcontext() if direct else np.errstate(over="ignore", invalid="ignore"):
                for index, draw in draws(lambda: trial_generator(root, trial)):
                    if not np.all(np.isfinite(draw)):
                        raise ConvergenceError(
                            "the trained weights or their variance overflow: scale the "
                            f"population, or the projector, got m = {draw.overlap:.3g}, "
                            f"q = {draw.variance:.3g}"
                        )
                    out[:, index] = _score(draw, self.cells[index].mix), *draw
        except (ConvergenceError, ValueError) as error:
            kind = ConvergenceError if isinstance(error, ConvergenceError) else ValueError
            raise kind(f"trial {trial} of n = {self.n}, p = {self.dimension}: {error}") from error
        return out

    def _classes_from_the_law(self, start: _Start) -> Array:
        """The same points for every penalty and every map of the same axes."""
        out = np.empty((len(self.fields), len(self.cells)))
        kinds = [
            (cell.clf.fit_intercept, cell.law.means.shape[1] if cell.law else 0)
            for cell in self.cells
        ]
        for group in _groups(range(len(kinds)), lambda i: kinds[i]):
            first = self.cells[group[0]].law
            assert isinstance(first, ClassLaw)
            points = first.draw(kinds[group[0]][0], start())
            for index in group:
                law, clf = self.cells[index].law, self.cells[index].clf
                assert isinstance(law, ClassLaw)
                assert isinstance(clf, Ridge)
                out[:, index] = law.learn(clf, points)
        return out

    def _from_the_law(self, start: _Start) -> Iterator[tuple[int, Draw]]:
        """Draw the points of each frame once, and learn from them behind every projector."""
        laws = [cell.law for cell in self.cells if isinstance(cell.law, ExactLaw)]
        for group in _groups(range(len(laws)), lambda i: laws[i].source):
            points = laws[group[0]].source.draw(self.clf, start())
            for index in group:
                yield index, laws[index].learn(self.cells[index].clf, points)

    def _direct(self, start: _Start) -> Iterator[tuple[int, Draw]]:
        """Draw every number of a training set, and train on it; draw and project once each."""
        cells = self.cells
        for same_mix in _groups(range(len(cells)), lambda i: id(cells[i].mix)):
            mix = cells[same_mix[0]].mix
            points, labels = self._sample(mix, start())
            unlabelled = Unlabelled(lambda: start().spawn(1)[0])
            for same_projector in _groups(same_mix, lambda i: id(cells[i].projector)):
                projector = cells[same_projector[0]].projector
                if projector.is_learned:  # from a child: the labelled points stay what they were
                    projector = projector.learn(mix, self.dimension, unlabelled)
                features = points if projector.is_identity else projector.transform(points, mix)
                for index in same_projector:
                    clf = cells[index].clf
                    given = labels
                    if isinstance(clf, Flipped):
                        given = clf.training_labels(labels, None, start().spawn(2)[1])
                    weights, intercept = clf.train(features, given, mix, projector)
                    correct = given * (features @ weights + intercept) > 0
                    m, q = projector.margins(weights, mix)
                    yield index, Draw(float(correct.mean()), float(m), float(q), intercept)

    def _sample(self, mix: Population, rng: np.random.Generator) -> tuple[Array, Array]:
        return mix.sample(self.n, self.dimension, rng, fixed_counts=self.fixed_counts)


def _groups(indices: Iterable[int], key: Callable[[int], Hashable]) -> list[list[int]]:
    """Indices of equal key together, in the order of their first one."""
    groups: dict[Hashable, list[int]] = {}
    for index in indices:
        groups.setdefault(key(index), []).append(index)
    return list(groups.values())


def _score(draw: Draw, mix: Population) -> float:
    """The probability of a correct label, given the trained weights."""
    m, q, b = np.asarray(draw.overlap), np.asarray(draw.variance), np.asarray(draw.intercept)
    with np.errstate(divide="ignore", invalid="ignore"):  # weights may be 0: the answer is b's
        return float(mixture_accuracy(m, np.sqrt(q), b, mix.balance))


def _parts(
    mix: Population, clf: Classifier, projector: Projector, shape: tuple[int, ...]
) -> list[tuple[Any, Any, Any]]:
    """The elements of the broadcast: population, classifier and projector of each."""
    cells = list(zip(*(elements(thing, shape) for thing in (mix, clf, projector)), strict=True))
    heads = {(id(one), id(head)): (one, head) for one, _, head in cells}
    fits = {ids: fitting(one, head, mix) for ids, (one, head) in heads.items()}
    return [(one, rule, fits[id(one), id(head)]) for one, rule, head in cells]


def _check_counts(mix: Any, n: int) -> None:
    """Refuse fixed counts that leave a class empty."""
    if not mix.is_classic:
        counts_of_classes(n, mix.class_frame().priors)
        return
    for balance in np.ravel(mix.balance):
        class_counts(n, balance)


def _shape(mix: Population, clf: Classifier, projector: Projector) -> tuple[int, ...]:
    """The broadcast shape of the parameters."""
    shapes = mix.batch_shape, projector.batch_shape, np.shape(clf.penalty_values)
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            "mix, projector and penalty must broadcast together, got shapes "
            f"{shapes[0]}, {shapes[1]} and {shapes[2]}"
        ) from None
    if 0 in shape:
        raise ValueError(f"parameters must not be empty arrays, got the broadcast shape {shape}")
    return shape


def _check_fit(mix: Population, projector: Projector) -> None:
    """Refuse a projector that cannot act on the mixture, in its own words."""
    if not mix.is_classic:
        check_classes_fit(mix, projector)
        return
    if projector.is_learned:  # what it leads to is known after the draw
        return
    mix = mix.placed(projector)
    if mix.dimension is None:
        projector.on_frame(mix.frame(projector.fresh_axes))
    elif isinstance(mix, GaussianMixture) and not projector.is_identity:
        projector.on_coordinates(mix)


def _dimension(mix: Population, projector: Projector, aspect_ratio: Any, n: int) -> int:
    """The number p of features, fixed by the mixture or the projector, or p = γn."""
    fixed = projector.input_dimension if mix.dimension is None else mix.dimension
    if aspect_ratio is None:
        if fixed is None:
            raise ValueError(
                "aspect_ratio must be given for a population of any dimension, got None"
            )
        return fixed
    ratio = check_single("aspect_ratio", aspect_ratio, POSITIVE)
    if not ratio * n < _LARGEST_DIMENSION:
        raise ValueError(
            f"aspect_ratio must be below {_LARGEST_DIMENSION / n:.3g} at n = {n}, for p = γn to be "
            f"an exact integer, got {shown(ratio)}"
        )
    dimension: int = round(ratio * n)
    if fixed is not None:
        if dimension != fixed:
            raise ValueError(
                f"aspect_ratio must be {fixed / n:g}, or left out, for {fixed} features and "
                f"n = {n}, got {shown(ratio)}"
            )
        return fixed
    fresh = 0 if projector.is_learned else projector.fresh_axes  # a draw has no axis of its own
    classic = mix.is_classic
    axes = max(1, mix.frame(fresh).axes) if classic else class_axes(mix, projector)
    if dimension < axes:
        raise ValueError(
            f"aspect_ratio must be at least {axes / n:g} at n = {n}, to hold the {axes} special "
            f"direction(s), got {shown(ratio)}"
        )
    return dimension


def _explicit(mix: Population, projector: Projector) -> tuple[Population, Projector]:
    """Matrices computed once, and not in every trial."""
    placed = mix.placed(projector)
    if placed is not mix:
        mix = placed
    elif isinstance(mix, GaussianMixture):
        mix = mix.anew()  # with a root of its own, see Experiment.cells
    if isinstance(mix, GaussianMixture) and not (projector.is_identity or projector.is_learned):
        projector = LinearMap(projector.on_coordinates(mix))
    return mix, projector
