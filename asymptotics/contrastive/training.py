"""Training a linear projector by gradient on sampled pairs, without any of the theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError
from ..parameters import (
    NONNEGATIVE,
    POSITIVE,
    Array,
    Interval,
    check_flag,
    check_integer,
    check_matrix,
    check_real,
)
from ..population import GaussianMixture, Population, SpikedMixture
from ..projectors import LinearMap
from ..simulation.seeds import root_sequence, trial_generator
from ..spectrum import Spectrum
from ..status import Status
from .losses import LOSSES, SIMILARITIES, Evaluation, contrastive_loss

__all__ = ["TrainedProjector", "train_projector"]

_OPTIMISERS = ("adam", "gradient-descent", "l-bfgs")
# Residual at which a fixed set of pairs counts as fitted.
_TOLERANCE = 1e-6
# The same for fresh batches, whose gradient is known to within their noise only.
_FRESH_TOLERANCE = 0.1
# The gradient at the end is measured on so many fresh pairs a dimension, which leaves about half
# of the tolerance to noise; on no more batches than a share of the steps, but on some.
_CHECK_PAIRS, _CHECK_SHARE, _CHECKS = 2000, 4, 16
# The averages of Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1).
_ADAM_FIRST, _ADAM_SECOND, _ADAM_FLOOR = 0.9, 0.999, 1e-8
_MEMORY = 20

Augment = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True, eq=False)
class TrainedProjector:
    r"""A projector trained by contrastive loss, and how far the training got.

    Attributes
    ----------
    matrix : array, shape (k, p)
        T.
    losses : array, shape (steps,)
        Loss before each step: of its batch, or of the fixed set.
    status : Status
        CONVERGED if `residual` is at most 1e-6 on a fixed set of pairs, 0.1 on fresh batches;
        otherwise NOT_CONVERGED, as gradient descent stopped at a finite time should be.
    residual : float
        :math:`\|\partial L/\partial T\| \|T\| / \|\sum_i z^1_i z^{2\top}_i/(N\tau)\|` in spectral
        norms, at the end: how far the attraction and the
        repulsion along one direction are out of balance. For fresh batches it is measured on new
        ones, and the noise of their mean is in it.
    residual_noise : float
        How much of `residual` is noise: what two halves of these batches differ by, halved; 0 for
        a fixed set.
    gradient_norm : float
        Frobenius norm of ∂L/∂T, measured on the same batches.
    steps : int
        Steps made: all that were asked for, unless L-BFGS stopped before.
    time : float
        Sum of the step sizes, the time of the gradient flow that gradient descent approximates;
        NaN for the other optimisers.
    batch_size : int
        N.
    optimiser, loss, similarity : str
    temperature : float
    entropy : int or sequence of int
    spawn_key : tuple of int
        The root of the randomness, see :attr:`seed`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> trained = asy.train_projector(
    ...     mix, augmentation=2.0, dimension=3, batch_size=2000, optimiser="l-bfgs", rng=0
    ... )
    >>> trained.status
    <Status.CONVERGED: 'converged'>
    >>> trained.gain_along([1.0, 0.0, 0.0]) > 1
    True
    """

    matrix: Array
    losses: Array
    status: Status
    residual: float
    residual_noise: float
    gradient_norm: float
    steps: int
    time: float
    batch_size: int
    optimiser: str
    loss: str
    similarity: str
    temperature: float
    entropy: int | Sequence[int]
    spawn_key: tuple[int, ...]

    def gain_along(self, direction: Any) -> float:
        r"""Gain :math:`|Tu|/\sqrt{(|T|_F^2 - |Tu|^2)/(p - 1)}`, u the unit vector of a direction.

        Above 1 the projector expands the direction, relative to the root mean square over the
        orthogonal complement.

        Parameters
        ----------
        direction : array_like, shape (p,)
            Any non-zero length. The signal of a :class:`SpikedMixture` is the first coordinate.

        Raises
        ------
        TypeError, ValueError
            For a direction that is zero or does not match, and for p = 1, which has no bulk.
        """
        vector = check_matrix("direction", direction, 1)
        p = self.matrix.shape[1]
        length = np.linalg.norm(vector)
        if vector.size != p or p == 1 or length == 0:
            raise ValueError(
                f"direction must be a non-zero vector of {p} entries, and of at least 2, "
                f"got {direction!r}"
            )
        along = float(np.sum((self.matrix @ (vector / length)) ** 2))
        # Summed over the complement itself: a difference of sums would cancel at large gains.
        across = self.matrix - np.outer(self.matrix @ vector, vector) / length**2
        return float(np.sqrt(along * (p - 1) / np.sum(across**2)))

    @property
    def projector(self) -> LinearMap:
        """The trained map, for :func:`limit` and :func:`simulate`."""
        return LinearMap(self.matrix)

    @property
    def seed(self) -> np.random.SeedSequence:
        """The root of the randomness: as ``rng`` it gives the same training again."""
        return np.random.SeedSequence(self.entropy, spawn_key=self.spawn_key)

    def __repr__(self) -> str:
        return (
            f"TrainedProjector(shape={self.matrix.shape}, status={self.status.value!r}, "
            f"residual={self.residual:.2g}, steps={self.steps}, optimiser={self.optimiser!r}, "
            f"loss={self.loss!r}, similarity={self.similarity!r})"
        )


def train_projector(
    source: Population | Any,
    augmentation: float | Augment,
    *,
    temperature: float = 1.0,
    similarity: str = "inner",
    loss: str = "infonce",
    batch_size: int = 256,
    batches: int | None = None,
    steps: int = 1000,
    optimiser: str = "adam",
    learning_rate: float = 0.01,
    dimension: int | None = None,
    output_dimension: int | None = None,
    rng: Any = None,
    progress: bool = False,
    callback: Callable[[int, Array], Any] | None = None,
) -> TrainedProjector:
    r"""Train z = T h by a contrastive loss with in-batch negatives, from T = I.

    Each of N points becomes a pair of views, and T descends the gradient of

    .. math::
        L = \frac1N \sum_i \Big[ -s_{ii} + \log \frac1N \sum_{j} e^{s_{ij}} \Big], \qquad
        s_{ij} = \langle T h_i^1, T h_j^2 \rangle/\tau,

    which is InfoNCE, or of NT-Xent, where the 2N views are each other's negatives; for the cosine
    the embeddings have length 1. The logarithms are of means, so that losses for different N
    compare: add log N, or log(2N - 1), for the losses of the sources.

    Parameters
    ----------
    source : SpikedMixture, GaussianMixture, Spectrum, or array_like of shape (n, p)
        A law to draw points from, or the points themselves: a batch is then a random subset.
    augmentation : float or callable
        σ_a ≥ 0 for views h + σ_a ε with independent Gaussian ε, or ``augment(points, rng)`` that
        returns a view of each row of an array, of any width, the same for all; it is called twice
        a batch, and `rng` is a Generator.
    temperature : float, default 1
        τ > 0.
    similarity : {"inner", "cosine"}
        For the cosine a temperature of order 1/p keeps its meaning as the dimension p grows.
    loss : {"infonce", "nt-xent"}
    batch_size : int, default 256
        N ≥ 2; at most n for given points.
    batches : int, optional
        Draw that many batches once, and descend the mean of their losses, every step. By default
        each step draws a fresh batch, or, for L-BFGS, there is one.
    steps : int, default 1000
        Steps to make; for L-BFGS, the most to make.
    optimiser : {"adam", "gradient-descent", "l-bfgs"}
        Adam, its step size falling to 0 along half a cosine; gradient descent with a constant one,
        which follows the gradient flow at time step × learning_rate; or L-BFGS.
    learning_rate : float, default 0.01
        First step size. L-BFGS searches for its own.
    dimension : int, optional
        p, for a law that does not fix it.
    output_dimension : int, optional
        k, by default the width of a view. T starts as the identity with rows of zeros if k is more,
        as a random orthogonal projection if k is less.
    rng : int, SeedSequence, Generator or None
        The same int or SeedSequence gives the same draws: those of step t, or of fixed batch t,
        counted from 1, come from child t of the root, and nothing else does.
    progress : bool, default False
        Show a progress bar that counts steps.
    callback : callable, optional
        ``callback(step, matrix)`` after each step, the first one being step 1; `matrix` is
        read-only.

    Returns
    -------
    TrainedProjector
        With its `status`: the number of steps alone says nothing.

    Raises
    ------
    TypeError, ValueError
        For invalid input, and for views without finite numbers or of the wrong shape.
    ConvergenceError
        If the loss overflows: the learning rate is too large, or the temperature too small.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> weak = asy.train_projector(mix, 0.5, dimension=4, steps=300, rng=0)
    >>> strong = asy.train_projector(mix, 2.0, dimension=4, steps=300, rng=0)
    >>> signal = [1.0, 0.0, 0.0, 0.0]
    >>> weak.gain_along(signal) < 1 < strong.gain_along(signal)
    True
    """
    draw = _pairs(source, augmentation, check_integer("batch_size", batch_size, 2), dimension)
    temperature = _single("temperature", temperature, POSITIVE)
    learning_rate = _single("learning_rate", learning_rate, POSITIVE)
    for name, value, allowed in (
        ("similarity", similarity, SIMILARITIES),
        ("loss", loss, LOSSES),
        ("optimiser", optimiser, _OPTIMISERS),
    ):
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    steps = check_integer("steps", steps, 1)
    if batches is not None:
        batches = check_integer("batches", batches, 1)
    elif optimiser == "l-bfgs":
        batches = 1
    if output_dimension is not None:
        output_dimension = check_integer("output_dimension", output_dimension, 1)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable or None, got {callback!r}")
    progress = check_flag("progress", progress)
    root = root_sequence(rng)
    entropy = root.entropy
    assert entropy is not None

    evaluate = partial(contrastive_loss, temperature=temperature, similarity=similarity, loss=loss)
    objective = _Objective(draw, evaluate, root, batches)
    matrix = _start(objective.width, output_dimension, root)

    from tqdm.auto import tqdm

    with tqdm(total=steps, desc="training", unit="step", disable=not progress) as bar:
        losses: list[float] = []

        def record(matrix: Array, value: float) -> None:
            losses.append(value)
            bar.update()
            if callback is not None:
                seen = matrix.view()
                seen.flags.writeable = False
                callback(len(losses), seen)

        with np.errstate(over="ignore", invalid="ignore"):  # seen by _Objective, which raises
            if optimiser == "l-bfgs":
                matrix = _lbfgs(objective, matrix, steps, record)
            else:
                rule = _Adam(learning_rate, steps) if optimiser == "adam" else None
                for step in range(steps):
                    found = objective(matrix, step)
                    move = learning_rate * found.gradient if rule is None else rule(found.gradient)
                    matrix = matrix - move
                    record(matrix, found.value)
            end = _imbalance(objective, matrix, steps)
    history = np.array(losses)
    for array in (matrix, history):
        array.flags.writeable = False
    tolerance = _FRESH_TOLERANCE if batches is None else _TOLERANCE
    return TrainedProjector(
        matrix=matrix,
        losses=history,
        status=Status.CONVERGED if end.residual <= tolerance else Status.NOT_CONVERGED,
        residual=end.residual,
        residual_noise=end.noise,
        gradient_norm=end.gradient_norm,
        steps=len(losses),
        time=learning_rate * steps if optimiser == "gradient-descent" else float("nan"),
        batch_size=batch_size,
        optimiser=optimiser,
        loss=loss,
        similarity=similarity,
        temperature=temperature,
        entropy=entropy,
        spawn_key=tuple(root.spawn_key),
    )


class _End(NamedTuple):
    """What is left of the gradient at the end."""

    residual: float
    noise: float
    gradient_norm: float


class _Objective:
    """The loss and its gradient: of the batch of a step, or the mean over a fixed set."""

    def __init__(
        self,
        draw: Callable[[np.random.Generator], tuple[Array, Array]],
        evaluate: Callable[[Array, Array, Array], Evaluation],
        root: np.random.SeedSequence,
        batches: int | None,
    ) -> None:
        self._draw, self._evaluate, self._root = draw, evaluate, root
        self._fixed = [] if batches is None else [self._batch(t) for t in range(batches)]
        self._first = self._batch(0) if batches is None else self._fixed[0]
        self.batch_size, self.width = self._first[0].shape

    @property
    def is_fixed(self) -> bool:
        return bool(self._fixed)

    def _batch(self, step: int) -> tuple[Array, Array]:
        return self._draw(trial_generator(self._root, step + 1))

    def __call__(self, matrix: Array, step: int) -> Evaluation:
        batches = self._fixed or [self._first if step == 0 else self._batch(step)]
        found = _mean([self._evaluate(matrix, *batch) for batch in batches])
        if not (np.isfinite(found.value) and np.all(np.isfinite(found.gradient))):
            raise ConvergenceError(
                f"the contrastive loss overflowed at step {step}: take a smaller learning_rate, "
                "or a larger temperature"
            )
        return found


class _Adam:
    """Kingma and Ba's steps, of a size that falls to 0 along half a cosine."""

    def __init__(self, learning_rate: float, steps: int) -> None:
        self._rate, self._steps, self._step = learning_rate, steps, 0
        self._mean: Any = 0.0
        self._square: Any = 0.0

    def __call__(self, gradient: Array) -> Array:
        rate = 0.5 * self._rate * (1.0 + np.cos(np.pi * self._step / self._steps))
        self._step += 1
        self._mean = _ADAM_FIRST * self._mean + (1 - _ADAM_FIRST) * gradient
        self._square = _ADAM_SECOND * self._square + (1 - _ADAM_SECOND) * gradient**2
        mean = self._mean / (1 - _ADAM_FIRST**self._step)
        square = self._square / (1 - _ADAM_SECOND**self._step)
        return np.asarray(rate * mean / (np.sqrt(square) + _ADAM_FLOOR))


def _lbfgs(
    objective: _Objective, start: Array, steps: int, record: Callable[[Array, float], None]
) -> Array:
    """SciPy's L-BFGS, stopped by the residual rather than by its own small steps."""
    from scipy.optimize import minimize

    latest: dict[str, Any] = {"point": None}
    before = objective(start, 0).value

    def fun(point: Array) -> tuple[float, Array]:
        matrix = point.reshape(start.shape)
        latest["point"], latest["found"] = point.copy(), objective(matrix, 0)
        return latest["found"].value, latest["found"].gradient.ravel()

    def after(point: Array) -> None:
        nonlocal before
        if not np.array_equal(point, latest["point"]):  # the line search has looked further
            fun(point)
        matrix, found = point.reshape(start.shape).copy(), latest["found"]
        record(matrix, before)
        before = found.value
        if _residual(found, matrix) <= _TOLERANCE:
            raise StopIteration

    options = {"maxiter": steps, "maxfun": 20 * steps, "ftol": 0.0, "gtol": 0.0}
    options["maxcor"] = _MEMORY
    found = minimize(
        fun, start.ravel(), jac=True, method="L-BFGS-B", callback=after, options=options
    )
    return np.array(found.x).reshape(start.shape)


def _mean(found: Sequence[Evaluation]) -> Evaluation:
    n = len(found)
    return Evaluation(
        sum(one.value for one in found) / n,
        np.sum([one.gradient for one in found], axis=0) / n,
        np.sum([one.attraction for one in found], axis=0) / n,
    )


def _residual(found: Evaluation, matrix: Array) -> float:
    size = np.linalg.norm(found.attraction, 2)
    return float(np.linalg.norm(found.gradient, 2) * np.linalg.norm(matrix, 2) / size)


def _imbalance(objective: _Objective, matrix: Array, steps: int) -> _End:
    """The residual at the end: of the fixed set, or of fresh batches in two halves."""
    if objective.is_fixed:
        found = objective(matrix, steps)
        return _End(_residual(found, matrix), 0.0, float(np.linalg.norm(found.gradient)))
    wanted = -(-_CHECK_PAIRS * objective.width // objective.batch_size)
    half = (min(max(wanted, _CHECKS), _CHECKS + steps // _CHECK_SHARE) + 1) // 2
    halves = [
        _mean([objective(matrix, steps + half * part + k) for k in range(half)]) for part in (0, 1)
    ]
    whole = _mean(halves)
    apart = 0.5 * (halves[0].gradient - halves[1].gradient)
    noise = _residual(whole._replace(gradient=apart), matrix)
    return _End(_residual(whole, matrix), noise, float(np.linalg.norm(whole.gradient)))


def _start(width: int, output: int | None, root: np.random.SeedSequence) -> Array:
    """The identity; with rows of zeros, or a random orthogonal projection, if not square."""
    if output is None or output >= width:
        return np.eye(width if output is None else output, width)
    frame = np.linalg.qr(trial_generator(root, 0).standard_normal((width, output)))[0]
    return np.ascontiguousarray(frame.T)


def _single(name: str, value: Any, interval: Interval) -> float:
    value = check_real(name, value, interval)
    if np.ndim(value):
        raise ValueError(f"{name} must be a single number, got shape {np.shape(value)}")
    return float(value)


def _pairs(
    source: Any, augmentation: Any, batch_size: int, dimension: int | None
) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    """How a batch is drawn: points, and two views of each."""
    points = _points(source, batch_size, dimension)
    if callable(augmentation):
        return lambda rng: _views(points(rng), augmentation, rng)
    spread = _single("augmentation", augmentation, NONNEGATIVE)

    def draw(rng: np.random.Generator) -> tuple[Array, Array]:
        h = points(rng)
        return h + spread * rng.standard_normal(h.shape), h + spread * rng.standard_normal(h.shape)

    return draw


def _points(
    source: Any, batch_size: int, dimension: int | None
) -> Callable[[np.random.Generator], Array]:
    """How the points of a batch are drawn."""
    if isinstance(source, (SpikedMixture, GaussianMixture, Spectrum)):
        mix: Any = source
        if mix.batch_shape:
            raise ValueError(
                "source must be a single population, got array parameters of shape "
                f"{mix.batch_shape}"
            )
        if dimension is None and not isinstance(mix, GaussianMixture):
            raise ValueError(
                f"dimension must be given for a {type(mix).__name__}, whose law has any, got None"
            )
        return lambda rng: mix.sample(batch_size, dimension, rng)[0]
    points = check_matrix("source", source, 2)
    n, p = points.shape
    if dimension is not None and check_integer("dimension", dimension, 1) != p:
        raise ValueError(f"dimension must be {p}, that of the points, got {dimension}")
    if batch_size > n:
        raise ValueError(f"batch_size must be at most {n}, the number of points, got {batch_size}")
    return lambda rng: points[rng.choice(n, batch_size, replace=False)]


def _views(points: Array, augment: Augment, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two views by the caller's own augmentation, checked."""
    first, second = (check_matrix("augmentation", augment(points, rng), 2) for _ in range(2))
    if len(first) != len(points) or first.shape != second.shape:
        raise ValueError(
            f"augmentation must return one view for each of {len(points)} points, all of one "
            f"width, got shapes {first.shape} and {second.shape}"
        )
    return first, second
