"""Truncation to the leading principal components of unlabelled data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import POSITIVE, Array, Interval
from ..intake import shown
from ..populations.base import Population
from ..populations.class_frame import ClassFrame
from ..populations.classes import ClassMixture
from ..populations.covariance import factor_root
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum, image_of
from ..populations.spiked import SpikedMixture
from ..random_matrices.truncation import kept_share, kept_squares, truncated_root
from .base import DrawnMap, Projector
from .learned import LearnedProjector, no_known_limit, principal_axes
from .unlabelled import Unlabelled

__all__ = ["PCATruncation"]


@dataclass(frozen=True, eq=False)
class PCATruncation(LearnedProjector):
    r"""Keep the k leading principal components of unlabelled data: :math:`T = U_k^\top`.

    The columns of :math:`U_k` are the leading eigenvectors of the centred covariance of N
    unlabelled points that are independent of the labelled ones, :math:`p/N \to \gamma_u`. Of a
    principal axis of the population T keeps the squared length that the spectrum of the sample,
    seen from that axis, has above the cut; the noise of what is kept stays σ². Derivation in
    docs/learned.rst.

    Parameters
    ----------
    k : float or array_like
        From 1 on a whole number of components, which stays as it is while p grows; below 1 their
        share κ of p, so that κp are kept. Where k is not small against n, the share k/p describes
        it: a number of components costs no noise in the limit.
    unlabelled_ratio : float or array_like
        γ_u > 0, dimensions per unlabelled point. A share is at most :math:`1/\gamma_u`: there are
        no more components.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range; a limit on anything but a :class:`SpikedMixture` or
        :class:`ClassMixture`, of a composition, and where k separates directions of equal variance.

    References
    ----------
    O. Ledoit, S. Péché (2011), *Probab. Theory Relat. Fields* 151, 233, for the overlaps.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Ridge(0.1)
    >>> few = asy.PCATruncation([1, 5], unlabelled_ratio=0.5)
    >>> asy.limit(mix, clf, 0.5, few).accuracy.round(4)
    array([0.9011, 0.9011])
    >>> shares = asy.PCATruncation([0.05, 0.2, 0.8], unlabelled_ratio=0.5)
    >>> asy.limit(mix, clf, 0.5, shares).accuracy.round(4)
    array([0.9011, 0.8975, 0.8707])
    """

    k: Any
    unlabelled_ratio: Any

    parameters: ClassVar[dict[str, Interval]] = {"k": POSITIVE, "unlabelled_ratio": POSITIVE}

    def __post_init__(self) -> None:
        super().__post_init__()
        k, ratio = np.broadcast_arrays(self.k, self.unlabelled_ratio)
        broken = (k > 1) & (k != np.floor(k))
        if np.any(broken):
            raise ValueError(
                "k must be a share below 1 or a whole number of components, got "
                f"{float(k[broken][0])!r}"
            )
        absent = (k < 1) & (k * ratio > 1)
        if np.any(absent):
            raise ValueError(
                "k must be at most 1/unlabelled_ratio, the share of the components that there are, "
                f"got {float(k[absent][0])!r} with unlabelled_ratio {float(ratio[absent][0])!r}"
            )

    def _learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        ratio = self.unlabelled_ratio
        count = int(self.k) if self.k >= 1 else max(1, round(self.k * dimension))

        def find(rng: np.random.Generator) -> tuple[Array, Array]:
            return principal_axes(population, dimension, ratio, rng, centred=True)

        _, vectors = data.axes(("all, centred", ratio), find)
        if count > vectors.shape[1]:
            raise ValueError(
                f"k must be at most {vectors.shape[1]}, the number of components of the "
                f"unlabelled points, got {shown(self.k)} in dimension {dimension}"
            )
        return DrawnMap(np.eye(count), vectors[:, -count:], 0.0)

    def spectrum_of(self, population: Population) -> Spectrum | None:
        if isinstance(population, ClassMixture):
            found: Spectrum = self._of_classes(population.class_frame())
            return found
        if not isinstance(population, SpikedMixture):
            raise no_known_limit("a PCATruncation", population, "SpikedMixture or ClassMixture")
        frame = population.frame()
        balance = np.asarray(frame.balance)[..., None]
        between = 2.0 * np.sqrt(balance * (1.0 - balance)) * frame.mean
        noise = np.asarray(frame.noise)[..., None]
        root = np.broadcast_to(frame.root, (*between.shape, between.shape[-1]))
        factor = np.concatenate([root, between[..., None]], axis=-1)
        basis, squares, share = self._kept(factor, noise)
        turn = np.swapaxes(basis, -1, -2)
        mean = np.sqrt(squares) * (turn @ frame.mean[..., None])[..., 0]
        bulk = np.concatenate([noise, np.zeros_like(noise)], axis=-1)
        image = Frame(
            mean=mean,
            root=truncated_root(turn @ frame.root, squares, noise),
            signal=frame.signal,
            spikes=(),
            bulk=np.broadcast_to(bulk, (*mean.shape[:-1], 2)),
            weights=np.stack([share, 1.0 - share], axis=-1),
            noise=frame.noise,
            balance=frame.balance,
        )
        return Spectrum(*FrameMap.identity(image).spectrum(image), population.balance)

    def _kept(self, factor: Array, noise: Array) -> tuple[Array, Array, Array]:
        """Principal axes, squared lengths of their images, and the share of the bulk."""
        basis, deviations, _ = np.linalg.svd(factor / noise[..., None], full_matrices=False)
        k, ratio = np.asarray(self.k, dtype=float), np.asarray(self.unlabelled_ratio, dtype=float)
        return basis, kept_squares(np.square(deviations), k, ratio), kept_share(k)

    def _of_classes(self, frame: ClassFrame) -> Any:
        if self.batch_shape:
            raise ValueError(
                "k and unlabelled_ratio must be single numbers on several classes, got shape "
                f"{self.batch_shape}"
            )
        noise = np.full(1, frame.noise)
        basis, squares, share = self._kept(frame.covariance_root, noise)
        means = np.sqrt(squares) * (frame.means @ basis)
        image = ClassFrame(
            means,
            (factor_root(truncated_root(basis.T @ frame.roots[0], squares, noise)),),
            np.array([[frame.noise, 0.0]]),
            np.array([float(share), 1.0 - float(share)]),
            frame.priors,
            frame.labels,
            frame.noise,
        )
        return image_of(image, None)

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        raise TypeError(
            f"projector must not compose a PCATruncation with others for a limit, got {shown(self)}"
            "; simulate takes the composition"
        )

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        raise TypeError(
            "mix must be a SpikedMixture or ClassMixture, and the projector not composed, for a "
            "PCATruncation to have a known limit (simulate takes any population), got "
            f"{len(frame.means)} classes and {shown(self)}"
        )

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        raise no_known_limit("a PCATruncation", mixture, "SpikedMixture or ClassMixture")
