"""Training a linear projector by gradient on sampled pairs, without any of the theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...checks import POSITIVE, Array, check_flag, check_integer, check_matrix, check_single
from ...intake import shown
from ...outcomes import Status
from ...populations.base import Population
from ...projectors import LinearMap
from ...randomness import POOL_SIZE, root_sequence, trial_generator
from ..augmentation import Augmentation
from .descent import Adam, Objective, imbalance, lbfgs
from .losses import LOSSES, SIMILARITIES, contrastive_loss
from .pairs import Augment, training_pairs

__all__ = ["TrainedProjector", "train_projector"]

_OPTIMISERS = ("adam", "gradient-descent", "l-bfgs")


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
    pool_size : int
        The root of the randomness, see :attr:`seed`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> trained = asy.train_projector(
    ...     mix, augmentation=2.0, dimension=3, batch_size=2000, optimiser="l-bfgs", rng=0
    ... )
    >>> trained.status
    'converged'
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
    pool_size: int = POOL_SIZE

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
        p, unit = self.matrix.shape[1], self._unit(direction)
        along = float(np.sum((self.matrix @ unit) ** 2))
        # Summed over the complement itself: a difference of sums would cancel at large gains.
        across = self.matrix - np.outer(self.matrix @ unit, unit)
        return float(np.sqrt(along * (p - 1) / np.sum(across**2)))

    def expansion_measure(self, direction: Any) -> float:
        r"""The share :math:`p|Tu|^2/|T|_F^2` of a direction, u its unit vector, in the energy of T.

        1 where T treats all alike, p where nothing else is left, as :func:`expansion_measure`.

        Parameters
        ----------
        direction : array_like, shape (p,)
            Any non-zero length. The signal of a :class:`SpikedMixture` is the first coordinate.

        Raises
        ------
        TypeError, ValueError
            As :meth:`gain_along`.
        """
        unit = self._unit(direction)
        along = float(np.sum((self.matrix @ unit) ** 2))
        return float(self.matrix.shape[1] * along / np.sum(self.matrix**2))

    def _unit(self, direction: Any) -> Array:
        vector = check_matrix("direction", direction, 1)
        p = self.matrix.shape[1]
        length = np.linalg.norm(vector)
        if vector.size != p or p == 1 or length == 0:
            raise ValueError(
                f"direction must be a non-zero vector of {p} entries, and of at least 2, "
                f"got {shown(direction)}"
            )
        unit: Array = vector / length
        return unit

    @property
    def projector(self) -> LinearMap:
        """The trained map, for :func:`limit` and :func:`simulate`."""
        return LinearMap(self.matrix)

    @property
    def seed(self) -> np.random.SeedSequence:
        """The root of the randomness: as ``rng`` it gives the same training again."""
        return np.random.SeedSequence(
            self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size
        )

    def __repr__(self) -> str:
        return (
            f"TrainedProjector(shape={self.matrix.shape}, status={self.status.value!r}, "
            f"residual={self.residual:.2g}, steps={self.steps}, optimiser={self.optimiser!r}, "
            f"loss={self.loss!r}, similarity={self.similarity!r})"
        )


def train_projector(
    source: Population | Any,
    augmentation: float | Augmentation | Augment,
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
    augmentation : float, Augmentation or callable
        σ_a ≥ 0 for views h + σ_a ε with independent Gaussian ε; an :class:`Augmentation`, whose
        matrix may also go with points; or ``augment(points, rng)`` that
        returns a view of each row of an array, of any width, the same for all; it is called twice
        a batch, and `rng` is a Generator.
    temperature : float, default 1
        τ > 0.
    similarity : {"inner", "cosine"}
        For the cosine embeddings have length 1. As the dimension p grows a temperature of order 1/p
        keeps its meaning for a fixed signal, one of order 1 for s² of the order of p.
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
        If the loss overflows: the learning rate, or the augmentation, is too large, or the
        temperature too small; and if it vanishes, the temperature being too large.

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
    draw = training_pairs(
        source, augmentation, check_integer("batch_size", batch_size, 2), dimension
    )
    temperature = check_single("temperature", temperature, POSITIVE)
    learning_rate = check_single("learning_rate", learning_rate, POSITIVE)
    for name, value, allowed in (
        ("similarity", similarity, SIMILARITIES),
        ("loss", loss, LOSSES),
        ("optimiser", optimiser, _OPTIMISERS),
    ):
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {shown(value)}")
    steps = check_integer("steps", steps, 1)
    if batches is not None:
        batches = check_integer("batches", batches, 1)
    elif optimiser == "l-bfgs":
        batches = 1
    if output_dimension is not None:
        output_dimension = check_integer("output_dimension", output_dimension, 1)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable or None, got {shown(callback)}")
    progress = check_flag("progress", progress)
    root = root_sequence(rng)
    entropy = root.entropy
    assert entropy is not None

    evaluate = partial(contrastive_loss, temperature=temperature, similarity=similarity, loss=loss)
    objective = Objective(draw, evaluate, root, batches)
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

        with np.errstate(over="ignore", invalid="ignore"):  # seen by Objective, which raises
            if optimiser == "l-bfgs":
                matrix = lbfgs(objective, matrix, steps, record)
            else:
                rule = Adam(learning_rate, steps) if optimiser == "adam" else None
                for step in range(steps):
                    found = objective(matrix, step)
                    move = learning_rate * found.gradient if rule is None else rule(found.gradient)
                    matrix = matrix - move
                    record(matrix, found.value)
            end = imbalance(objective, matrix, steps)
    history = np.array(losses)
    for array in (matrix, history):
        array.flags.writeable = False
    return TrainedProjector(
        matrix=matrix,
        losses=history,
        status=Status.CONVERGED if end.converged else Status.NOT_CONVERGED,
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
        pool_size=root.pool_size,
    )


def _start(width: int, output: int | None, root: np.random.SeedSequence) -> Array:
    """The identity; with rows of zeros, or a random orthogonal projection, if not square."""
    if output is None or output >= width:
        return np.eye(width if output is None else output, width)
    frame = np.linalg.qr(trial_generator(root, 0).standard_normal((width, output)))[0]
    return np.ascontiguousarray(frame.T)
