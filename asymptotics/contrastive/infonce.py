"""The projector that InfoNCE leads to, at its optimum or on the way there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

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
    check_integers,
)
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.image import Factor
from ..populations.spiked import SpikedMixture
from ..projectors import FrameStretch, LinearMap, Projector
from ..questions.regime import regime_of
from .augmentation import Augmentation
from .boundary import PhaseBoundary, boundary_at, phase_boundary
from .inner_product import inner_product
from .optimum import certificate
from .setting import Setting
from .several import minimiser
from .sphere import check_bounded, kept_directions, strong_signal, weak_signal
from .trained_map import TrainedMap
from .training.losses import SIMILARITIES

__all__ = ["InfoNCE"]

# Of samples behind a collapsed projector: the accuracy differs from that of an infinite gain by
# about λ/gain², and double precision is enough to train on them.
_LARGEST_GAIN = 1e6
# Singular values of class means below this share of the largest are rounding.
_SPAN = 1e-10
# A sphere has at least two dimensions: the signal's and another.
_LEAST_DIMENSION = 2


@dataclass(frozen=True, eq=False)
class InfoNCE(Parametrised, Projector):
    r"""The linear projector that minimises population InfoNCE, or gradient flow on the way there.

    Two views :math:`h^{1,2} = h + \sigma_a \varepsilon^{1,2}` of one h attract, views of
    independent h repel. With infinitely many negatives :math:`h'` and :math:`z = Th`,

    .. math::
        L(T) = -\mathbb E\,\frac{\langle z^1, z^2\rangle}{\tau}
            + \mathbb E \log \mathbb E'\, e^{\langle z^1, z'\rangle/\tau}.

    For the inner product it is convex in :math:`B = T^\top T/\tau`; it is minimised to a relative
    gradient of 1e-10, or followed along :math:`\dot T = -\partial L/\partial T` from T = I to
    `time`; T is taken symmetric. As a projector for :func:`limit` and :func:`simulate` it is
    normalised to gain 1 on the bulk, as by default in :meth:`projector`; in a composition it is
    still trained on h. On K classes of one covariance: the optimum by inner product.

    Parameters
    ----------
    augmentation : float, array_like or Augmentation
        σ_a ≥ 0; or an :class:`Augmentation`, which has a covariance in place of σ_a² I.
    temperature : float or array_like, default 1
        τ > 0. At the optimum it only rescales T, for the inner product.
    similarity : {"inner", "cosine"}
        For "cosine" with a `dimension` p embeddings have length 1, as in practice, and s² is of the
        order of p: then :math:`b = \text{gain}^2 = (p-1)uC/(s^2(1-u) - uC)` with
        :math:`u = \tau \operatorname{artanh}(\sigma_a^2/C)` and C = σ² + σ_a², infinite from
        :meth:`collapse_temperature` on. Without it they have length √p and the signal is fixed as
        p → ∞: at length 1 that is the temperature τ/p; only for isotropic noise, equal classes
        and infinite time.
    time : float or array_like, default inf
        Of the gradient flow, in [0, inf].
    dimension : int or array_like of int, optional
        p ≥ 2, for the cosine with a strong signal.
    exact : bool, default False
        With a `dimension`: minimise the loss at that p by quadrature, rather than its limit for
        large p. Isotropic noise, infinite time; some hundredths of a second a point.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range or combined as said above; in use, for a population that the
        cosine does not cover, and for a finite but long time on a GaussianMixture of more than a
        dozen dimensions.

    Notes
    -----
    For the inner product all follows from the loss by calculus. For the cosine the limits p → ∞ are
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

    By cosine in 50 dimensions, the temperature decides:

    >>> strong = asy.SpikedMixture(signal=5.0)
    >>> loss = asy.InfoNCE(0.7, [0.1, 1.0, 2.0, 4.0], "cosine", dimension=50)
    >>> loss.regime(strong).tolist()
    ['shrinkage', 'expansion', 'expansion', 'collapse']
    >>> loss.expansion_measure(strong).round(3)
    array([ 0.105,  1.546,  6.424, 50.   ])
    """

    augmentation: Any
    temperature: Any = 1.0
    similarity: str = "inner"
    time: Any = np.inf
    dimension: Any = field(default=None, metadata={"since": "0.2"})
    exact: bool = field(default=False, metadata={"since": "0.2"})

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
        object.__setattr__(self, "exact", check_flag("exact", self.exact))
        if self.dimension is not None:
            dimension = check_integers("dimension", self.dimension, _LEAST_DIMENSION)
            object.__setattr__(self, "dimension", dimension)
            if self.similarity != "cosine":
                raise ValueError(
                    "dimension must be None for similarity='inner', which is the same in every "
                    f"dimension, got {shown(self.dimension)}"
                )
        elif self.exact:
            raise ValueError("exact must be False without a dimension, got True")
        early = not np.all(np.isinf(self.time))
        if self.similarity == "cosine" and early and (self.dimension is None or self.exact):
            which = "exact=True" if self.exact else "similarity='cosine' without a dimension"
            raise ValueError(
                f"time must be inf for {which}, whose flow is not known, got {shown(self.time)}"
            )
        if isinstance(self.augmentation, Augmentation) and self._is_weak:
            raise ValueError(
                "augmentation must be a number for similarity='cosine' without a dimension, got "
                f"{shown(self.augmentation)}"
            )
        try:
            shape = self.batch_shape
        except ValueError:
            raise ValueError(
                "augmentation, temperature, time and dimension must broadcast together, got "
                f"shapes {[np.shape(x) for x in self._numbers]}"
            ) from None
        del shape

    def _checked(self, name: str, interval: Interval) -> Any:
        if name == "augmentation" and isinstance(self.augmentation, Augmentation):
            return self.augmentation
        return super()._checked(name, interval)

    @property
    def _numbers(self) -> list[Any]:
        own = self.augmentation
        if isinstance(own, Augmentation):
            own = np.empty(own.batch_shape)
        return [own, self.temperature, self.time, 2 if self.dimension is None else self.dimension]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters."""
        return np.broadcast_shapes(*(np.shape(x) for x in self._numbers))

    @property
    def _is_weak(self) -> bool:
        return self.similarity == "cosine" and self.dimension is None

    @property
    def _is_strong(self) -> bool:
        return self.similarity == "cosine" and self.dimension is not None

    # ----------------------------------------------------------------------- questions

    def gain(self, mix: Population) -> Any:
        r"""Gain along the signal, :math:`|T\hat\mu|`, relative to the bulk.

        Without an isotropic bulk, relative to the root mean square over all directions orthogonal
        to the signal. On K classes that of the class means about their average, the root of
        :math:`\sum_k \rho_k |T c_k|^2 / \sum_k \rho_k |c_k|^2`. Infinite for a cosine where the
        projector collapses onto the signal, and without a `dimension` where the gain diverges
        with p.

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
        if not check_population(mix, several=True).is_classic:
            return self._class_gain(mix)
        shape, found = self._on(mix)
        if not np.all(np.any(found.moment.views.signal, axis=-1)):
            raise ValueError("mix must have a signal for a gain, got energies that are all 0")
        return _shaped(found.gain(), shape)

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
            gains[:, k] = found.gain_along(v)
        return gains.reshape(*shape, -1)

    def expansion_measure(self, mix: Population) -> Any:
        r"""The signal's share of the energy of T, in p dimensions: :math:`p|T\hat\mu|^2/|T|_F^2`.

        1 for a projector that does nothing, 0 where the signal is shrunk away, p where nothing else
        is left. For other projectors there is :func:`expansion_measure`.

        Returns
        -------
        float or array, of the shape to which mixture and parameters broadcast

        Raises
        ------
        TypeError, ValueError, ConvergenceError
            As :meth:`gain`, and without a dimension, that of the loss or of the mixture.
        """
        mix = check_population(mix)
        p = mix.dimension if self.dimension is None else self.dimension
        if p is None:
            raise ValueError(
                "dimension must be given for an expansion measure, here or in "
                "asymptotics.expansion_measure(mix, projector, dimension), got None"
            )
        shape, found = self._on(mix)
        weights = np.empty(0) if isinstance(mix, GaussianMixture) else mix.frame().weights
        count, parts = found.along.size, weights.shape[-1]
        return _shaped(
            found.expansion_measure(
                np.broadcast_to(p, shape).reshape(count).astype(float),
                np.broadcast_to(weights, (*shape, parts)).reshape(count, parts),
            ),
            shape,
        )

    def regime(self, mix: Population) -> Any:
        """Whether :meth:`gain` is above or below 1.

        Returns
        -------
        str or array of str
            "expansion", "shrinkage", or "neutral" for a gain within 1e-12 of 1, as at time 0; with
            a dimension, "collapse" for an infinite gain.
        """
        words = np.asarray(regime_of(self.gain(mix)))
        if self._is_weak:  # its gain grows with p, but not for any one p
            words = np.where(words == "collapse", "expansion", words)
        return words if words.ndim else str(words)

    def collapse_temperature(self, mix: Population) -> Any:
        r"""The temperature of the strong-signal cosine from which on only the signal is left.

        :math:`\tau^* = [s^2/(s^2 + C)]/\operatorname{artanh}(\sigma_a^2/C)` for isotropic noise and
        equal classes; infinite where there is none. The loss's own temperature and time are left
        out, and so is `exact`.

        Returns
        -------
        float or array, of the shape to which mixture, augmentation and dimension broadcast

        Raises
        ------
        ValueError
            Without a dimension, and as :meth:`gain`.
        """
        if not self._is_strong:
            raise ValueError(
                "similarity must be 'cosine' with a dimension for a collapse temperature, got "
                f"{shown(self.similarity)} and dimension {shown(self.dimension)}"
            )
        own = replace(self, temperature=1.0, time=np.inf, exact=False)
        setting = own._setting(mix)
        sphere = kept_directions(setting, self.augmentation, own._dimension_on(mix)).sphere
        return _shaped(sphere.temperature_of(sphere.collapsed), setting.shape)

    def projector(self, mix: Population, normalise: bool = True) -> FrameStretch | LinearMap:
        """The trained projector by its numbers, for :func:`limit` and :func:`simulate`.

        The same as using the InfoNCE object itself, but solved once. Where it has collapsed the
        gain is 1e30: in a :func:`limit` that is the limit of an :class:`Expansion` whose gain goes
        to infinity. :func:`simulate` with the object itself trains on samples at a gain of 1e6.

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
            For a cosine without a dimension at or below the temperature at which the gain diverges.
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
        return FrameStretch(*self._stretch(found, shape, normalise))

    def boundary(
        self,
        mix: Population,
        parameter: str = "augmentation",
        *,
        bounds: tuple[float, float] = (1e-3, 1e3),
    ) -> PhaseBoundary:
        """Where the regime changes between shrinkage and expansion, along one parameter.

        For the cosine with a dimension the temperature there is
        [s²/(s² + pC)]/artanh(σ_a²/C), for isotropic noise and equal classes; all else is found by
        search.

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
        >>> cosine = asy.InfoNCE(0.7, similarity="cosine", dimension=50)
        >>> round(cosine.boundary(asy.SpikedMixture(5.0), "temperature").value, 6)
        0.735639
        """
        names = tuple(self.parameters)
        if not isinstance(parameter, str) or parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}, got {shown(parameter)}")
        if parameter == "time" and (self._is_weak or self.exact):
            which = "exact=True" if self.exact else "similarity='cosine' without a dimension"
            raise ValueError(f"parameter must not be 'time' for {which}, got 'time'")
        low, high = check_bounds(bounds)
        mix = check_population(mix)

        def at(values: Any) -> InfoNCE:
            changes: dict[str, Any] = {parameter: values}
            return replace(self, **changes)

        at_end = bool(np.all(np.isinf(self.time)))
        if parameter == "temperature" and self._is_strong and at_end and not self.exact:
            setting = at(1.0)._setting(mix)
            sphere = kept_directions(setting, self.augmentation, self._dimension_on(mix)).sphere
            crossing = sphere.temperature_of(sphere.neutral)
            return boundary_at(crossing, low, high, setting.shape)
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
                f"{shown(self.similarity)} and {shown(self.time)}"
            )
        shape, found = self._on(mix)
        return _shaped(certificate(found.moment.views, found.moment.whitened), shape)

    # ----------------------------------------------------------------- as a projector

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        shapes = (frame.mean.shape[:-1], frame.root.shape[:-2], np.shape(frame.balance))
        setting = Setting.of_frame(frame, self._broadcast(np.broadcast_shapes(*shapes)))
        found = self._trained(setting, self.dimension)
        return FrameMap.of(*self._stretch(found, setting.shape, True))

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        basis, scales, bulk = self._on_several(frame)
        weights = frame.weights
        square = weights @ bulk**2 if weights.size else _level(frame, basis, scales)
        level = np.sqrt(square)
        if not level > 0:
            raise ValueError(
                "mix must have a variance that is not 0 off its signal for a bulk gain of 1, got "
                "zeros"
            )
        return FrameMap.of(basis, scales / level, bulk / level if bulk.size else np.ones(1))

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        return self._matrix(mixture, True)

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        shape, found = self._on(mixture)
        basis, scales, _ = self._stretch(found, shape, True)
        return (Factor(np.swapaxes(basis, -1, -2), scales, basis),)

    def transform(self, features: Any, population: Population) -> Array:
        bounded = self._bounded(check_population(population, "population", several=True))
        if bounded is None:
            return super().transform(features, population)
        return bounded.transform(features, population)

    def margins(self, weights: Array, population: Population) -> tuple[Array, Array]:
        bounded = self._bounded(population)
        if bounded is None:
            return super().margins(weights, population)
        return bounded.margins(weights, population)

    def _bounded(self, mix: Population) -> FrameStretch | None:
        """For samples, in the place of an infinite gain one that estimators can bear; else None."""
        if not self._is_strong or isinstance(mix, GaussianMixture) or not mix.is_classic:
            return None
        made = self.projector(mix)
        assert isinstance(made, FrameStretch)
        if np.all(made.scales <= _LARGEST_GAIN):
            return None
        return FrameStretch(made.basis, np.minimum(made.scales, _LARGEST_GAIN), made.bulk)

    def _matrix(self, mixture: GaussianMixture, normalise: bool) -> Array:
        shape, found = self._on(mixture)
        basis, scales, _ = self._stretch(found, shape, normalise)
        return np.asarray((basis * scales[..., None, :]) @ np.swapaxes(basis, -1, -2))

    def _stretch(
        self, found: TrainedMap, shape: tuple[int, ...], normalise: bool
    ) -> tuple[Array, Array, Array]:
        """Basis, scales and bulk of the symmetric projector."""
        if self._is_weak:
            check_bounded(found)
        basis, scales, bulk = found.stretch(normalise)
        return (
            basis.reshape(*shape, *basis.shape[-2:]),
            scales.reshape(*shape, scales.shape[-1]),
            bulk.reshape(*shape, bulk.shape[-1]),
        )

    # ----------------------------------------------------------------- several classes

    def _on_several(self, frame: ClassFrame) -> tuple[Array, Array, Array]:
        """Basis, scales and bulk of the symmetric projector on K classes, not normalised."""
        count = len(frame.means)
        if self.similarity != "inner" or self.dimension is not None or not self._is_optimal:
            raise ValueError(
                "similarity must be 'inner', and time infinite, on several classes, got "
                f"{self.similarity!r} and {shown(self.time)}"
            )
        if isinstance(self.augmentation, Augmentation) or self.batch_shape:
            raise ValueError(
                "augmentation and temperature must be single numbers on several classes, got "
                f"{shown(self.augmentation)} and {shown(self.temperature)}"
            )
        if len(frame.roots) > 1 or len(frame.bulk) > 1:
            raise ValueError(
                f"covariance must be common to the {count} classes for InfoNCE, got one for each"
            )
        added = float(self.augmentation) ** 2
        axes, deviations, _ = np.linalg.svd(frame.roots[0])
        variances = np.zeros(frame.axes)
        variances[: deviations.size] = deviations**2
        total = variances + added
        spread = np.square(frame.bulk[0])
        if not (np.all(total > 0) and np.all(spread + added > 0)):
            raise ValueError(
                "augmentation must be positive on a population with a direction of zero variance, "
                f"got {shown(self.augmentation)}"
            )
        whitened = minimiser(variances, total, frame.means @ axes, frame.priors)
        root = np.sqrt(total)
        matrix = float(self.temperature) * whitened / (root[:, None] * root)
        squares, basis = np.linalg.eigh(matrix)
        bulk = np.sqrt(float(self.temperature) * spread) / (spread + added)
        return axes @ basis, np.sqrt(squares), bulk

    @property
    def _is_optimal(self) -> bool:
        return bool(np.all(np.isinf(self.time)))

    def _class_gain(self, mix: Any) -> float:
        if not hasattr(mix, "class_frame"):
            raise TypeError(f"mix must be a ClassMixture or GaussianClasses, got {shown(mix)}")
        frame = mix.class_frame()
        image = self.on_classes(frame)
        energy = float(frame.priors @ np.square(frame.centred).sum(1))
        if energy == 0:
            raise ValueError("mix must have a signal for a gain, got class means that are equal")
        mapped = frame.centred @ image.block.T
        return float(np.sqrt(frame.priors @ np.square(mapped).sum(1) / energy))

    # --------------------------------------------------------------------- the solution

    def _on(self, mix: Population) -> tuple[tuple[int, ...], TrainedMap]:
        setting = self._setting(mix)
        return setting.shape, self._trained(setting, self._dimension_on(mix))

    def _setting(self, mix: Population) -> Setting:
        mix = check_population(mix)
        shape = self.broadcast(mix)
        if isinstance(mix, GaussianMixture):
            if self._is_weak:
                raise ValueError(
                    "mix must be a SpikedMixture without spikes for similarity='cosine', got a "
                    "GaussianMixture"
                )
            return Setting.of_mixture(mix, shape)
        return Setting.of_frame(mix.frame(), shape)

    def _dimension_on(self, mix: Population) -> Any:
        p = mix.dimension
        own = self.dimension
        if p is not None and own is not None and np.any(np.not_equal(own, p)):
            raise ValueError(f"dimension must be {p}, that of mix, got {shown(self.dimension)}")
        return self.dimension

    def _trained(self, setting: Setting, dimension: Any) -> TrainedMap:
        if self._is_weak:
            return weak_signal(setting, self.augmentation, self.temperature)
        if self._is_strong:
            arguments = (self.augmentation, self.temperature, self.time, dimension, self.exact)
            return strong_signal(setting, *arguments)
        return inner_product(setting, self.augmentation, self.temperature, self.time)

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


def _level(frame: ClassFrame, basis: Array, scales: Array) -> float:
    """Mean squared gain off the class means, where the axes are all there is."""
    matrix = (basis * scales**2) @ basis.T
    left, sizes, _ = np.linalg.svd(frame.centred.T, full_matrices=False)
    between = left[:, sizes > _SPAN * sizes.max(initial=0.0)]
    rest = frame.axes - between.shape[1]
    if not rest:
        raise ValueError(
            f"mix must have a direction off its class means, got {frame.axes} dimension(s)"
        )
    return float((np.trace(matrix) - np.trace(between.T @ matrix @ between)) / rest)


def _shaped(values: Array, shape: tuple[int, ...]) -> Any:
    return values.reshape(shape) if shape else float(values[0])
