"""The projector that InfoNCE leads to, at its optimum or on the way there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..checks import (
    DURATION,
    NONNEGATIVE,
    POSITIVE,
    Array,
    Interval,
    Parametrised,
    check_bounds,
    check_flag,
)
from ..intake import shown
from ..outcomes import NoLimitError
from ..populations.base import Population, check_population
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.spiked import SpikedMixture
from ..projectors import FrameStretch, LinearMap, Projector
from ..questions.regime import regime_of, relative_gain
from .boundary import PhaseBoundary, phase_boundary
from .cosine import cosine_gain, cosine_threshold
from .flow import spread
from .moment import Moment, second_moment, symmetric_root
from .optimum import Views, certificate
from .training.losses import SIMILARITIES

__all__ = ["InfoNCE"]

# Of the logarithms of what has to be a normal double, with room for a few factors beside it.
_LOG_RANGE = 650.0
# The same of s²/(σ_v² + σ_a²), third powers of which occur, and of the temperature, of which
# fourth powers occur on the way to the optimum, and eighth ones for the cosine.
_LOG_RATIO, _LOG_FLOW, _LOG_COSINE = 195.0, 120.0, 75.0


class _Trained(NamedTuple):
    """A flat batch of trained projectors on a frame, or on all of R^p."""

    moment: Moment
    bulk: Array  # (B, J), squared gains; J = 0 where the axes are all there is
    level: Array  # (B,), mean squared gain off the signal, the bulk's on a frame
    along: Array  # (B,), that of the signal


@dataclass(frozen=True, eq=False)
class InfoNCE(Parametrised, Projector):
    r"""The linear projector that minimises population InfoNCE, or gradient flow on the way there.

    Two views :math:`h^{1,2} = h + \sigma_a \varepsilon^{1,2}` of one h attract, views of
    independent h repel. With infinitely many negatives :math:`h'` and :math:`z = Th`,

    .. math::
        L(T) = -\mathbb E\,\frac{\langle z^1, z^2\rangle}{\tau}
            + \mathbb E \log \mathbb E'\, e^{\langle z^1, z'\rangle/\tau},

    which is convex in :math:`B = T^\top T/\tau`. It is minimised to a relative gradient of
    1e-10, or followed along :math:`\dot T = -\partial L/\partial T` from T = I to `time`; T is
    taken symmetric. As a projector for :func:`limit` and :func:`simulate` it is normalised to gain
    1 on the bulk, as by default in :meth:`projector`; in a composition it is still trained on h.

    Parameters
    ----------
    augmentation : float or array_like
        σ_a ≥ 0.
    temperature : float or array_like, default 1
        τ > 0. At the optimum it only rescales T, for the inner product.
    similarity : {"inner", "cosine"}
        For "cosine" embeddings are normalised to length √p, and p → ∞: at finite p and length 1
        that is the temperature τ/p. Only for isotropic noise, equal classes and infinite time.
    time : float or array_like, default inf
        Of the gradient flow, in [0, inf].

    Raises
    ------
    TypeError, ValueError
        For parameters out of range, and a finite time for the cosine; in use, for a population that
        the cosine does not cover, and for a finite but long time on a GaussianMixture of more than
        a dozen dimensions.

    Notes
    -----
    For the inner product all follows from the loss by calculus. For the cosine the limit p → ∞ is
    derived without proof, and checked against the loss at finite p and by training.
    See :doc:`/contrastive`.

    Examples
    --------
    Weak augmentation shrinks the signal, strong augmentation expands it:

    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> loss = asy.InfoNCE(augmentation=[0.3, 1.0, 2.0])
    >>> loss.gain(mix).round(4)
    array([0.6779, 0.9   , 1.2539])
    >>> asy.limit(mix, asy.Ridge(0.1), aspect_ratio=0.5, projector=loss).accuracy.round(4)
    array([0.8526, 0.8591, 0.863 ])
    """

    augmentation: Any
    temperature: Any = 1.0
    similarity: str = "inner"
    time: Any = np.inf

    parameters: ClassVar[dict[str, Interval]] = {
        "augmentation": NONNEGATIVE,
        "temperature": POSITIVE,
        "time": DURATION,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.similarity, str) or self.similarity not in SIMILARITIES:
            raise ValueError(
                f"similarity must be one of {', '.join(SIMILARITIES)}, got {shown(self.similarity)}"
            )
        if self.similarity == "cosine" and not np.all(np.isinf(self.time)):
            raise ValueError(
                "time must be inf for similarity='cosine', whose flow has no known limit, "
                f"got {shown(self.time)}"
            )

    # ----------------------------------------------------------------------- questions

    def gain(self, mix: Population) -> Any:
        r"""Gain along the signal, :math:`|T\hat\mu|`, relative to the bulk.

        Without an isotropic bulk, relative to the root mean square over all directions orthogonal
        to the signal. Infinite for a cosine at or below the temperature where it diverges with p.

        Returns
        -------
        float or array, of the shape to which mixture and parameters broadcast

        Raises
        ------
        TypeError, ValueError
            For a population without a signal, or one to which the theory does not extend.
        ConvergenceError
            If the optimum, or the way to it, was not found.
        """
        shape, found = self._on(mix)
        if not np.all(np.any(found.moment.views.signal, axis=-1)):
            raise ValueError("mix must have a signal for a gain, got energies that are all 0")
        return _shaped(relative_gain(found.along, found.level), shape)

    def spike_gains(self, mix: SpikedMixture) -> Any:
        r"""Gains along the spikes, :math:`|T v_k|`, relative to the bulk.

        Returns
        -------
        array, shape (..., number of spikes)
        """
        if not isinstance(mix, SpikedMixture):
            raise TypeError(f"mix must be a SpikedMixture, which has spikes, got {shown(mix)}")
        shape, found = self._on(mix)
        axes = found.moment.axes.shape[-1]
        gains = np.empty((found.level.size, len(mix.spikes)))
        for k, direction in enumerate(mix.frame().spikes):
            v = np.broadcast_to(direction, (*shape, axes)).reshape(-1, axes)
            gains[:, k] = relative_gain(found.moment.along(v), found.level)
        return gains.reshape(*shape, -1)

    def regime(self, mix: Population) -> Any:
        """Whether :meth:`gain` is above or below 1.

        Returns
        -------
        str or array of str
            "expansion", "shrinkage", or "neutral" for a gain within 1e-12 of 1, as at time 0.
        """
        return regime_of(self.gain(mix))

    def projector(self, mix: Population, normalise: bool = True) -> FrameStretch | LinearMap:
        """The trained projector by its numbers, for :func:`limit` and :func:`simulate`.

        The same as using the InfoNCE object itself, but solved once.

        Parameters
        ----------
        mix : SpikedMixture, GaussianMixture or Spectrum
            What it is trained on.
        normalise : bool, default True
            Divide by the gain of the bulk, see :meth:`gain`. Otherwise T is as trained, with a
            temperature that stretches all of it; not for the cosine, which sees no length.

        Returns
        -------
        FrameStretch, or LinearMap for a GaussianMixture

        Raises
        ------
        NoLimitError
            For a cosine at or below the temperature at which the gain diverges.
        TypeError, ValueError, ConvergenceError
            As :meth:`gain`, and for arrays of parameters on a GaussianMixture.
        """
        mix, normalise = check_population(mix), check_flag("normalise", normalise)
        if not normalise and self.similarity == "cosine":
            raise ValueError(
                "normalise must be True for similarity='cosine', which does not see the length of "
                "T, got False"
            )
        if isinstance(mix, GaussianMixture):
            matrix = self._matrix(mix, normalise)
            if matrix.ndim != 2:
                raise ValueError(
                    "projector needs single parameters on a GaussianMixture, got arrays that must "
                    f"be of shape (), of shape {matrix.shape[:-2]}"
                )
            return LinearMap(matrix)
        shape, found = self._on(mix)
        return FrameStretch(*_stretch(found, shape, normalise))

    def boundary(
        self,
        mix: Population,
        parameter: str = "augmentation",
        *,
        bounds: tuple[float, float] = (1e-3, 1e3),
    ) -> PhaseBoundary:
        """Where the regime changes between shrinkage and expansion, along one parameter.

        Parameters
        ----------
        mix : SpikedMixture, GaussianMixture or Spectrum
        parameter : {"augmentation", "temperature", "time"}
            What is varied; its own value is ignored, the others broadcast.
        bounds : pair of float, default (1e-3, 1e3)
            Where to look: on 12 points a decade, so that two changes closer than that are missed.

        Returns
        -------
        PhaseBoundary
            NaN where there is no change between the bounds, with a status that says which regime
            there is instead.

        Raises
        ------
        TypeError, ValueError, ConvergenceError
            As :meth:`gain`.

        Examples
        --------
        >>> import asymptotics as asy
        >>> mix = asy.SpikedMixture(signal=1.5)
        >>> found = asy.InfoNCE(augmentation=1.0).boundary(mix, "augmentation")
        >>> round(found.value, 6), found.status
        (1.25771, 'crossing')
        >>> asy.InfoNCE(augmentation=1.0).boundary(mix, "temperature").status
        'always shrinkage'
        """
        names = tuple(self.parameters)
        if not isinstance(parameter, str) or parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}, got {shown(parameter)}")
        if parameter == "time" and self.similarity == "cosine":
            raise ValueError("parameter must not be 'time' for similarity='cosine', got 'time'")
        low, high = check_bounds(bounds)
        mix = check_population(mix)

        def at(values: Any) -> InfoNCE:
            changes: dict[str, Any] = {parameter: values}
            return replace(self, **changes)

        shape = at(1.0).broadcast(mix)
        return phase_boundary(lambda values: np.asarray(at(values).gain(mix)), shape, low, high)

    def certificate(self, mix: Population) -> Any:
        """Relative gradient of the loss at the optimum, which bounds the error of B.

        The norm of ∇L over those of its terms, in the coordinates in which the Hessian is at least
        the identity. Recomputed from TᵀT; at most 1e-10, or else a ConvergenceError was raised.

        Raises
        ------
        ValueError
            At a finite time, and for the cosine.
        """
        if self.similarity == "cosine" or not np.all(np.isinf(self.time)):
            raise ValueError(
                "similarity must be 'inner' and time inf for a certificate, got "
                f"{self.similarity!r} and {self.time!r}"
            )
        shape, found = self._on(mix)
        moment = found.moment
        root = np.sqrt(moment.views.total)
        scale = root[:, :, None] * root[:, None, :] / moment.temperature[:, None, None]
        return _shaped(certificate(moment.views, moment.matrix * scale), shape)

    # ----------------------------------------------------------------- as a projector

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        shape = self._shape(frame)
        return FrameMap.of(*_stretch(self._in_frame(frame, shape), shape, True))

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        return self._matrix(mixture, True)

    def _matrix(self, mixture: GaussianMixture, normalise: bool) -> Array:
        shape, found = self._on(mixture)
        basis, scales, _ = _stretch(found, shape, normalise)
        return np.asarray((basis * scales[..., None, :]) @ np.swapaxes(basis, -1, -2))

    # --------------------------------------------------------------------- the solution

    def _on(self, mix: Population) -> tuple[tuple[int, ...], _Trained]:
        mix = check_population(mix)
        if isinstance(mix, GaussianMixture):
            return self._in_space(mix)
        shape = self.broadcast(mix)
        return shape, self._in_frame(mix.frame(), shape)

    def broadcast(self, mix: Population) -> tuple[int, ...]:
        """The shape of a mixture and the parameters together."""
        return self._broadcast(mix.batch_shape)

    def _broadcast(self, own: tuple[int, ...]) -> tuple[int, ...]:
        try:
            return np.broadcast_shapes(own, self.batch_shape)
        except ValueError:
            raise ValueError(
                "mix and the parameters of InfoNCE must broadcast together, got shapes "
                f"{own} and {self.batch_shape}"
            ) from None

    def _shape(self, frame: Frame) -> tuple[int, ...]:
        shapes = (frame.mean.shape[:-1], frame.root.shape[:-2], np.shape(frame.balance))
        return self._broadcast(np.broadcast_shapes(*shapes))

    def _in_frame(self, frame: Frame, shape: tuple[int, ...]) -> _Trained:
        parts = frame.weights.shape[-1]
        deviations = np.broadcast_to(frame.bulk, (*shape, parts)).reshape(-1, parts)
        weights = np.broadcast_to(frame.weights, (*shape, parts)).reshape(-1, parts)
        # of any size: the square of a large signal is no float
        unit = np.where(frame.mean.any(-1), np.abs(frame.mean).max(-1, initial=0.0), 1.0)
        length = unit * np.linalg.norm(frame.mean / unit[..., None], axis=-1)
        signal = np.broadcast_to(frame.signal, (*shape, frame.axes))
        if self.similarity != "cosine":
            self._check_variance(frame.root, frame.bulk)
        self._check_scale(frame.root, length, shape, frame.bulk)
        if self.similarity == "cosine":
            moment = self._cosine(frame, length, shape)
            bulk = np.ones_like(deviations)
        else:
            moment = second_moment(
                frame.root, frame.signal, length, frame.balance, self._parameters, shape
            )
            bulk = spread(np.square(deviations), *self._columns(shape))
        return _Trained(
            moment,
            bulk,
            (weights * bulk).sum(-1),
            moment.along(signal.reshape(len(bulk), frame.axes)),
        )

    def _in_space(self, mix: GaussianMixture) -> tuple[tuple[int, ...], _Trained]:
        """All p axes at once."""
        shape = self.broadcast(mix)
        if self.similarity == "cosine":
            raise ValueError(
                "mix must be a SpikedMixture without spikes for similarity='cosine', got a "
                "GaussianMixture"
            )
        length = float(np.linalg.norm(mix.mean))
        p = mix.dimension
        if length == 0 or p == 1:
            raise ValueError(
                "mix must have a mean that is not 0, and more than one dimension, got a mean of "
                f"length {length:g} in {p} dimension(s)"
            )
        self._check_variance(mix.root)
        self._check_scale(mix.root, np.asarray(length), shape)
        unit = mix.mean / length
        moment = second_moment(
            mix.root, unit, np.asarray(length), mix.balance, self._parameters, shape
        )
        along = moment.along(np.broadcast_to(unit, moment.views.signal.shape))
        level = (np.einsum("bii->b", moment.matrix) - along) / (p - 1)
        return shape, _Trained(moment, np.empty((along.size, 0)), level, along)

    @property
    def _parameters(self) -> tuple[Any, Any, Any]:
        return self.augmentation, self.temperature, self.time

    def _columns(self, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
        first, second, third = (
            np.broadcast_to(values, shape).reshape(-1, 1) for values in self._parameters
        )
        return first, second, third

    def _check_variance(self, root: Array, bulk: Array | None = None) -> None:
        """Without augmentation the loss needs some variance in every direction."""
        if np.any(np.equal(self.augmentation, 0.0)):
            silent = ~np.all(np.linalg.svd(root, compute_uv=False) > 0)
            if silent or (bulk is not None and not np.all(bulk > 0)):
                raise ValueError(
                    "augmentation must be positive on a population with a direction of zero "
                    f"variance, got {shown(self.augmentation)}"
                )

    def _check_scale(
        self, root: Array, length: Array, shape: tuple[int, ...], bulk: Array | None = None
    ) -> None:
        """Refuse scales so far apart that squared gains, or powers of the signal, are no floats.

        Squared gains are τσ_v²/(σ_v² + σ_a²)²; the parameter that is farthest from 1 is named.
        """
        parts = [np.linalg.svd(root, compute_uv=False), *([] if bulk is None else [bulk])]
        with np.errstate(divide="ignore"):
            sigma = np.concatenate(
                [np.log(np.broadcast_to(part, (*shape, part.shape[-1]))) for part in parts], axis=-1
            )
            a, tau, s = (
                np.log(np.broadcast_to(values, shape))[..., None]
                for values in (self.augmentation, self.temperature, length)
            )
        total = np.logaddexp(2.0 * sigma, 2.0 * a)
        with np.errstate(invalid="ignore"):  # silent directions, with no gain to be lost
            gain = np.where(np.isneginf(sigma), 0.0, tau + 2.0 * sigma - 2.0 * total)
            ratio = np.where(np.isneginf(s), 0.0, 2.0 * s - total)
        lost = (np.abs(gain) > _LOG_RANGE) | (ratio > _LOG_RATIO)
        lost |= np.abs(2.0 * total) > _LOG_RANGE
        if self.similarity == "cosine":
            allowed = np.full(shape, _LOG_COSINE)
        else:
            allowed = np.broadcast_to(np.where(np.isinf(self.time), _LOG_RANGE, _LOG_FLOW), shape)
        lost |= np.abs(tau) > allowed[..., None]
        if not np.any(lost):
            return
        index = tuple(np.argwhere(lost)[0])
        named = {
            "augmentation": np.broadcast_to(a, lost.shape)[index],
            "temperature": np.broadcast_to(tau, lost.shape)[index],
            "the signal of mix": np.broadcast_to(s, lost.shape)[index],
            "the noise of mix": sigma[index],
        }
        name = max(named, key=lambda key: abs(named[key]) if np.isfinite(named[key]) else 0.0)
        raise ValueError(
            f"{name} must be of a size that keeps the gains of InfoNCE within the range of a "
            f"float, got {np.exp(named[name]):.6g}"
        )

    def _cosine(self, frame: Frame, length: Array, shape: tuple[int, ...]) -> Moment:
        """TᵀT with gain 1 on the bulk."""
        axes = frame.axes
        isotropic = frame.weights.shape[-1] == 1 and np.array_equal(
            frame.root, np.broadcast_to(frame.bulk[..., None] * np.eye(axes), frame.root.shape)
        )
        if frame.spikes or not isotropic:
            raise ValueError(
                "mix must be a SpikedMixture with spikes=() for similarity='cosine', got "
                f"{len(frame.spikes)} spike(s)" + ("" if frame.spikes else " and a Spectrum")
            )
        if np.any(np.not_equal(frame.balance, 0.5)):
            raise ValueError(
                f"balance must be 0.5 for similarity='cosine', got {shown(frame.balance)}"
            )
        s, noise, augmentation, temperature = (
            np.broadcast_to(values, shape).reshape(-1)
            for values in (length, frame.noise, self.augmentation, self.temperature)
        )
        square = np.square(cosine_gain(s, noise, augmentation, temperature))
        count = square.size
        eye = np.broadcast_to(np.eye(axes), (count, axes, axes))
        signal = np.broadcast_to(frame.signal, (count, axes))
        matrix = eye + (np.where(np.isinf(square), 1.0, square) - 1.0)[:, None, None] * (
            signal[:, :, None] * signal[:, None, :]
        )
        matrix[np.isinf(square), 0, 0] = np.inf
        views = Views(
            np.broadcast_to(np.square(noise)[:, None], (count, axes)),
            signal,
            s,
            np.full(count, 0.5),
            augmentation,
        )
        return Moment(eye, views, temperature, matrix)


def _stretch(
    found: _Trained, shape: tuple[int, ...], normalise: bool
) -> tuple[Array, Array, Array]:
    """Basis, scales and bulk of the symmetric projector."""
    if not np.all(np.isfinite(found.moment.matrix)):
        row = int(np.argmin(np.isfinite(found.along)))
        views = found.moment.views.take(np.array([row]))
        threshold = cosine_threshold(
            views.length, np.sqrt(views.variances[:, 0]), views.augmentation
        )
        raise NoLimitError(
            f"temperature must be above {threshold[0]:.6g} for the gain to have a limit as p "
            f"grows, got {found.moment.temperature[row]:.6g}"
        )
    if normalise and not np.all(found.level > 0):
        raise ValueError(
            "mix must have a variance that is not 0 off its signal for a bulk gain of 1, got zeros"
        )
    basis, scales = symmetric_root(found.moment)
    level = np.sqrt(found.level)[:, None] if normalise else 1.0
    return (
        basis.reshape(*shape, *basis.shape[-2:]),
        (scales / level).reshape(*shape, scales.shape[-1]),
        (np.sqrt(found.bulk) / level).reshape(*shape, found.bulk.shape[-1]),
    )


def _shaped(values: Array, shape: tuple[int, ...]) -> Any:
    return values.reshape(shape) if shape else float(values[0])
