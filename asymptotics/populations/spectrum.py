"""The signal-weighted spectrum: all that a ridge-penalised classifier sees of a population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from ..checks import (
    ANY,
    LATER,
    NONNEGATIVE,
    PROBABILITY,
    Array,
    Interval,
    check_flag,
    check_integer,
    check_real,
)
from ..estimation.class_estimate import ClassEstimate
from ..estimation.estimate import Estimate, estimate_from_data
from ..intake import shown
from ..randomness import check_rng
from .base import FramedPopulation, Map, check_map
from .class_frame import ClassFrame, MatrixSpectrum, class_features, class_margins
from .covariance import diagonal_root
from .frame import Frame
from .image import check_image
from .labels import check_cluster_labels

__all__ = ["Spectrum", "image_of"]

# How far the weights may sum from one: the rounding of a few thousand user-supplied terms.
_WEIGHT_SLACK = 1e-9
# Relative rounding allowed in the symmetry and the definiteness of a Gram matrix.
_GRAM_SLACK = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(FramedPopulation):
    r"""Eigenvalues, bulk weights and signal energies of a population.

    With eigenpairs :math:`(d_j, v_j)` of the within-class covariance of :math:`z` and class means
    :math:`\pm\mu`, atom j carries the share :math:`w_j` of the p eigenvalues and the energy
    :math:`e_j = |\langle v_j, \mu\rangle|^2` of the signal. Accepted
    wherever a mixture is.

    With `priors` there are K classes, of means :math:`\mu_k`, and the energies are Gram matrices,
    :math:`G_j[k,l] = \langle\mu_k, \mu_l\rangle` inside eigenspace j; those of two classes are
    :math:`e_j` times ((1, -1), (-1, 1)). With `labels`, too, these are clusters of two classes.
    With `class_eigenvalues` each class, or cluster, has a covariance of its own, all of them in one
    eigenbasis. Classes are in sorted order, -1 before +1.

    Parameters
    ----------
    eigenvalues : array_like, shape (..., J)
        :math:`d_j \ge 0`, in units of variance. Left out with `class_eigenvalues`.
    weights : array_like, shape (..., J)
        :math:`w_j \ge 0` with :math:`\sum_j w_j = 1`; 0 for finitely many special directions.
    energies : array_like, shape (..., J), or (..., J, K, K) with `priors`
        :math:`e_j \ge 0`; :math:`\sum_j e_j` is the squared length of the class mean μ. Gram
        matrices are symmetric and positive semi-definite.
    balance : float or array_like, default 0.5
        Probability π of the label +1, in (0, 1). Left at 0.5 with `priors`.
    priors : array_like, shape (..., K), optional
        Probability of each class or cluster, K ≥ 2.
    labels : array_like, shape (K,), optional
        The class of each cluster: -1 and +1, for one score, or 0 … M - 1, for a score each.
    class_eigenvalues : array_like, shape (..., K, J), optional
        :math:`d_{kj} \ge 0` of each class; K = 2 without `priors`.

    Raises
    ------
    TypeError, ValueError
        For input that is not numeric, out of range, or of shapes that do not match.

    Examples
    --------
    A power law of 1000 eigenvalues, with the signal spread evenly over the first ten:

    >>> import numpy as np, asymptotics as asy
    >>> rank = np.arange(1, 1001)
    >>> power_law = asy.Spectrum(1 / rank, np.full(1000, 1e-3), 0.04 * (rank <= 10))
    >>> round(asy.limit(power_law, asy.Ridge(0.1), aspect_ratio=0.5).accuracy, 4)
    0.9273

    Three classes of orthogonal means, and two with a covariance each:

    >>> grams = [4 * np.eye(3), np.zeros((3, 3))]
    >>> three = asy.Spectrum([1.0, 1.0], [0.0, 1.0], grams, priors=[0.5, 0.25, 0.25])
    >>> round(asy.limit(three, asy.Ridge(0.1), aspect_ratio=0.5).accuracy, 4)
    0.7443
    >>> two = asy.Spectrum(weights=[1.0], energies=[2.25], class_eigenvalues=[[1.0], [2.0]])
    >>> asy.limit(two, asy.Logistic(0.1), aspect_ratio=0.5).class_accuracy.round(4)
    array([0.8989, 0.7844])
    """

    eigenvalues: Any = None
    weights: Any = None
    energies: Any = None
    balance: Any = 0.5
    priors: Any = field(default=None, metadata=LATER)
    labels: Any = field(default=None, metadata=LATER)
    class_eigenvalues: Any = field(default=None, metadata=LATER)
    estimate: Estimate | ClassEstimate | None = field(default=None, init=False, repr=False)
    # What it may be at the least and at the most, where rounding leaves that open.
    ends: tuple[Spectrum, Spectrum] | None = field(default=None, init=False, repr=False)

    parameters: ClassVar[dict[str, Interval]] = {
        "eigenvalues": NONNEGATIVE,
        "weights": NONNEGATIVE,
        "energies": NONNEGATIVE,
        "balance": PROBABILITY,
    }

    def __post_init__(self) -> None:
        if not (self.priors is None and self.labels is None and self.class_eigenvalues is None):
            self._check_classes()
            return
        for name, interval in self.parameters.items():
            object.__setattr__(self, name, check_real(name, getattr(self, name), interval))
        shapes = [np.shape(getattr(self, name)) for name in ("eigenvalues", "weights", "energies")]
        if any(len(shape) == 0 or shape[-1] == 0 for shape in shapes) or (
            len({shape[-1] for shape in shapes}) != 1
        ):
            raise ValueError(
                "eigenvalues, weights and energies must have the same, non-zero number of atoms "
                f"along their last axis, got shapes {shapes}"
            )
        try:
            np.broadcast_shapes(*(shape[:-1] for shape in shapes), np.shape(self.balance))
        except ValueError:
            raise ValueError(
                "the leading axes of eigenvalues, weights, energies must broadcast with balance, "
                f"got shapes {shapes} and {np.shape(self.balance)}"
            ) from None
        total = self.weights.sum(-1)
        if np.any(np.abs(total - 1) > _WEIGHT_SLACK):
            worst = float(np.ravel(total)[np.argmax(np.abs(total - 1))])
            raise ValueError(f"weights must sum to 1 over the atoms, got a sum of {worst!r}")
        if np.any((self.weights * self.eigenvalues).sum(-1) == 0):
            raise ValueError(
                "eigenvalues must be positive on some atom with weight, got a bulk of zeros"
            )

    def _check_classes(self) -> None:
        """The checks of a population with priors, or with a covariance for each class."""
        for name, interval in (*self.parameters.items(), ("class_eigenvalues", NONNEGATIVE)):
            value = getattr(self, name)
            if name in ("eigenvalues", "class_eigenvalues") and value is None:
                continue
            if name == "energies" and self.priors is not None:
                interval = ANY  # Gram matrices: their diagonals are checked below
            object.__setattr__(self, name, check_real(name, value, interval))
        if (self.eigenvalues is None) == (self.class_eigenvalues is None):
            raise ValueError(
                "class_eigenvalues must be given in place of eigenvalues, got "
                + ("neither" if self.eigenvalues is None else "both")
            )
        gram = self.priors is not None
        if gram:
            priors = check_real("priors", self.priors, PROBABILITY)
            if np.ndim(priors) == 0 or priors.shape[-1] < 2:
                raise ValueError(
                    f"priors must hold at least two classes, got shape {np.shape(priors)}"
                )
            total = priors.sum(-1)
            if np.any(np.abs(total - 1) > _WEIGHT_SLACK):
                worst = float(np.ravel(total)[np.argmax(np.abs(total - 1))])
                raise ValueError(f"priors must sum to 1 over the classes, got a sum of {worst!r}")
            object.__setattr__(self, "priors", priors)
            if np.any(np.asarray(self.balance) != 0.5):
                raise ValueError(
                    f"balance must be left at 0.5 where priors are given, got {shown(self.balance)}"
                )
        count = self.classes
        atoms = np.shape(self.weights)[-1:]
        own = (count, *atoms)
        wanted = {
            "eigenvalues": atoms,
            "weights": atoms,
            "energies": (*atoms, count, count) if gram else atoms,
            "class_eigenvalues": own,
        }
        for name, tail in wanted.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not atoms or atoms == (0,) or np.shape(value)[np.ndim(value) - len(tail) :] != tail:
                raise ValueError(
                    f"{name} must have the shape (..., {', '.join(map(str, tail))}) for "
                    f"{count} classes ({'priors' if gram else 'no priors'}) and weights of shape "
                    f"{np.shape(self.weights)}, got shape {np.shape(value)}"
                )
        try:
            np.broadcast_shapes(*self._leading())
        except ValueError:
            raise ValueError(
                "the leading axes of eigenvalues, weights, energies, priors and class_eigenvalues "
                f"must broadcast, got shapes {self._leading()}"
            ) from None
        if gram:
            self._check_gram()
        if self.labels is not None:
            self._check_labels()
        total = self.weights.sum(-1)
        if np.any(np.abs(total - 1) > _WEIGHT_SLACK):
            worst = float(np.ravel(total)[np.argmax(np.abs(total - 1))])
            raise ValueError(f"weights must sum to 1 over the atoms, got a sum of {worst!r}")
        name = "eigenvalues" if self.class_eigenvalues is None else "class_eigenvalues"
        bulk = getattr(self, name)
        weights = self.weights if name == "eigenvalues" else self.weights[..., None, :]
        if np.any((weights * bulk).sum(-1) == 0):
            raise ValueError(
                f"{name} must be positive on some atom with weight, got a bulk of zeros"
            )

    def _check_gram(self) -> None:
        grams = self.energies
        size = np.abs(grams).max(initial=0.0)
        skew = np.abs(grams - np.swapaxes(grams, -1, -2)).max(initial=0.0)
        if skew > _GRAM_SLACK * size:
            raise ValueError(
                "energies must be symmetric Gram matrices, got entries that differ from their "
                f"mirror image by {skew:.3g}"
            )
        lowest = np.linalg.eigvalsh(grams).min(initial=0.0)
        if lowest < -_GRAM_SLACK * size:
            raise ValueError(
                "energies must be positive semi-definite Gram matrices, got an eigenvalue of "
                f"{lowest:.6g}"
            )

    def _check_labels(self) -> None:
        if self.priors is None:
            raise ValueError(f"labels must be given with priors, got {shown(self.labels)} alone")
        object.__setattr__(self, "labels", check_cluster_labels(self.labels, self.classes))

    @property
    def is_classic(self) -> bool:
        """Whether these are two classes of means ±μ and one covariance."""
        return self.priors is None and self.class_eigenvalues is None

    @property
    def classes(self) -> int:
        """The number of classes, or of clusters."""
        return 2 if self.priors is None else int(self.priors.shape[-1])

    @property
    def class_priors(self) -> Array:
        """Probability of each class or cluster, shape (..., K)."""
        if self.priors is not None:
            return np.asarray(self.priors)
        balance = np.asarray(self.balance)
        return np.stack([1.0 - balance, balance], axis=-1)

    @property
    def grams(self) -> Array:
        """The energies as Gram matrices, shape (..., J, K, K)."""
        if self.priors is not None:
            return np.asarray(self.energies)
        return np.asarray(self.energies[..., None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]]))

    def _leading(self) -> list[tuple[int, ...]]:
        """The leading shapes of all parameters that are there."""
        trailing = {"eigenvalues": 1, "weights": 1, "priors": 1, "class_eigenvalues": 2}
        trailing["energies"] = 1 if self.priors is None else 3
        trailing["balance"] = 0
        found = []
        for name, axes in trailing.items():
            value = getattr(self, name)
            if value is not None:
                found.append(np.shape(value)[: np.ndim(value) - axes])
        return found

    @classmethod
    def from_data(cls, features: Any, labels: Any) -> Self:
        r"""Estimate the spectrum from labelled features, consistently where n is of the order of p.

        Sample means and a pooled covariance do not converge there: on pure noise they promise a
        high accuracy. What every penalised loss reads of a spectrum,
        :math:`\sum_j w_j d_j/(\kappa + d_j)` and :math:`\sum_j e_j/(\kappa + d_j)` at one κ, does:
        both are read off the sample's resolvent, and atoms are fitted to them. The mean of the
        class means becomes the origin. Of K > 2 classes Gram matrices stand for the energies. One
        covariance is taken to be common to all classes, which makes ten real classes 5 to 12
        points too accurate: believe changes, or with n far above p take
        ``GaussianMixture.from_data(shared_covariance=False, clusters=5)``.

        Parameters
        ----------
        features : array_like, shape (n, p)
            Of any real type; a memory map is read in slabs. A projector that is a known matrix T is
            applied before, ``features @ T.T``; one learned from the same labels must not be.
        labels : array_like, shape (n,)
            Two or more distinct values, each at least twice. Of two the larger one becomes +1;
            more are the classes 0 … K - 1 in sorted order.

        Returns
        -------
        Spectrum
            With `samples`, `kappa_min`, and in `estimate` the covariance of its error.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite matrix that varies within the classes, or `labels` does
            not hold two or more values, each at least twice, for its n rows.

        Notes
        -----
        At level λ of a ridge, with S the pooled covariance of N = n - 2 degrees of freedom, Δ half
        the difference of the class means, :math:`c = (1/n_+ + 1/n_-)/4` and
        :math:`\mathrm{df} = \mathrm{tr}\,S(S + \lambda)^{-1}`:

        .. math::
            \kappa = \frac{\lambda}{1 - \mathrm{df}/N},\qquad
            \hat S(\kappa) = \frac{\mathrm{df}}{p},\qquad
            \hat E(\kappa) = \frac\lambda\kappa\, \Delta^\top (S + \lambda)^{-1} \Delta
            - c\,\mathrm{df}.

        Of K > 2 classes N = n - K, Δ holds K - 1 contrasts of the class means, and c is the
        covariance of their noise, the contrasts of :math:`\operatorname{diag}(1/n_k)`.

        Examples
        --------
        Noise without any signal, in more dimensions than samples:

        >>> import warnings, numpy as np, asymptotics as asy
        >>> features = np.random.default_rng(1).normal(size=(150, 512))
        >>> labels = np.arange(150) % 2
        >>> estimate = asy.Spectrum.from_data(features, labels)
        >>> round(asy.limit(estimate, asy.Ridge(0.1), 512 / 150).accuracy, 1)
        0.5
        >>> with warnings.catch_warnings(action="ignore"):  # of the bias that is shown here
        ...     plug_in = asy.GaussianMixture.from_data(features, labels)
        >>> round(asy.limit(plug_in, asy.Ridge(0.1), 512 / 150).accuracy, 1)
        0.9
        """
        return cls.of_estimate(estimate_from_data(features, labels))

    @classmethod
    def of_estimate(cls, found: Estimate | ClassEstimate) -> Self:
        """The spectrum of an estimate, which it carries."""
        if isinstance(found, Estimate):
            made = cls(found.eigenvalues, found.weights, found.energies, found.sample.balance)
        else:
            priors = found.sample.priors
            made = cls(found.eigenvalues, found.weights, found.grams, priors=priors)
        object.__setattr__(made, "estimate", found)
        return made

    @property
    def samples(self) -> int | None:
        """How many labelled samples it was estimated from; None if it was given."""
        return None if self.estimate is None else self.estimate.samples

    @property
    def kappa_min(self) -> float | None:
        """The lowest κ that a loss reads on as many samples as it was estimated from."""
        return None if self.estimate is None else self.estimate.kappa_min

    @classmethod
    def of_image(cls, eigenvalues: Array, weights: Array, energies: Array, balance: Any) -> Self:
        """What a map made of a checked population: overflow alone is left to refuse."""
        check_image(eigenvalues, energies)
        if not (weights * eigenvalues).any(-1).all():
            return cls(eigenvalues, weights, energies, balance)
        made = object.__new__(cls)
        for name, values in (
            ("eigenvalues", eigenvalues),
            ("weights", weights),
            ("energies", energies),
        ):
            values.flags.writeable = False
            object.__setattr__(made, name, values)
        object.__setattr__(made, "balance", balance)
        for name in ("priors", "labels", "class_eigenvalues"):
            object.__setattr__(made, name, None)
        return made

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters, without the axis of the atoms."""
        if not self.is_classic:
            return np.broadcast_shapes(*self._leading())
        arrays = (self.eigenvalues, self.weights, self.energies)
        return np.broadcast_shapes(*(a.shape[:-1] for a in arrays), np.shape(self.balance))

    @property
    def noise(self) -> Array:
        """Root mean square standard deviation of the bulk."""
        if self.class_eigenvalues is not None:
            variances = (self.weights[..., None, :] * self.class_eigenvalues).sum(-1)
            return np.asarray(np.sqrt((self.class_priors * variances).sum(-1)))
        return np.asarray(np.sqrt((self.weights * self.eigenvalues).sum(-1)))

    @property
    def mahalanobis(self) -> Array:
        """Squared separation Σ e_j/d_j; infinite where there is signal without noise.

        Of K > 2 classes e_j is the mean squared distance of their means from the centre of all K.

        Raises
        ------
        TypeError
            For clusters, and for a covariance for each class.
        """
        if self.labels is not None or self.class_eigenvalues is not None:
            raise TypeError(
                "a squared separation takes classes of one covariance, got clusters or a "
                "covariance for each"
            )
        energies = self.energies
        if self.priors is not None:
            grams = self.energies
            energies = np.einsum("...kk->...", grams) / self.classes - grams.mean((-2, -1))
            energies = np.maximum(energies, 0.0)
        energies, eigenvalues = np.broadcast_arrays(energies, self.eigenvalues)
        ratio = np.zeros(energies.shape)
        with np.errstate(over="ignore"):  # signal without noise, as far as a float can tell
            np.divide(energies, eigenvalues, out=ratio, where=(eigenvalues > 0))
        ratio[(eigenvalues == 0) & (energies > 0)] = np.inf
        return np.asarray(ratio.sum(-1))

    @property
    def rank(self) -> Array:
        """Share Σ w_j over d_j > 0 of the directions in which there is any noise."""
        return np.asarray((self.weights * (self.eigenvalues > 0)).sum(-1))

    def frame(self, fresh: int = 0) -> Frame:
        """The frame of the signal: one axis for each atom that carries energy."""
        if not self.is_classic:
            raise TypeError(
                "mix must be a Spectrum of two classes of one covariance to have such a frame, got "
                f"{self.classes} classes or a covariance for each"
            )
        if fresh:
            raise ValueError(
                "alignment must be 1 or -1 on a Spectrum, which has no isotropic bulk to hold the "
                "rest of the direction"
            )
        shape = self.batch_shape
        carries = np.flatnonzero(self.energies.reshape(-1, self.energies.shape[-1]).any(0))
        atoms = np.broadcast_to(self.eigenvalues, (*shape, self.eigenvalues.shape[-1]))
        deviations = np.sqrt(atoms)
        mean = np.broadcast_to(np.sqrt(self.energies[..., carries]), (*shape, carries.size))
        root = deviations[..., carries, None] * np.eye(carries.size)
        length = np.linalg.norm(mean, axis=-1, keepdims=True)
        signal = np.divide(mean, length, out=np.zeros(mean.shape), where=length > 0)
        return Frame(
            mean=mean,
            root=root,
            signal=signal,
            spikes=(),
            bulk=deviations,
            weights=np.broadcast_to(self.weights, atoms.shape),
            noise=self.noise,
            balance=self.balance,
        )

    def class_frame(self) -> ClassFrame:
        """The population on axes of its means: as many an atom as its Gram matrix has rank."""
        if self.batch_shape:
            raise ValueError(
                f"mix must be a single population here, got arrays of shape {self.batch_shape}"
            )
        own = self.class_eigenvalues
        atoms = self.eigenvalues[None] if own is None else own
        axes, means = [], []
        for j, gram in enumerate(self.grams):
            values, vectors = np.linalg.eigh(gram)
            kept = values > _GRAM_SLACK * max(values[-1], 0.0)
            means.append(vectors[:, kept] * np.sqrt(values[kept]))
            axes += [j] * int(kept.sum())
        covariances = tuple(diagonal_root(deviations) for deviations in np.sqrt(atoms[:, axes]))
        labels = np.array([-1.0, 1.0]) if self.priors is None else self.labels
        return ClassFrame(
            np.concatenate(means, axis=1),
            covariances,
            np.sqrt(atoms),
            np.asarray(self.weights),
            self.class_priors,
            labels,
            float(self.noise),
        )

    def spectrum(self, projector: Map | None = None) -> Any:
        """The spectrum after a projector; itself without one."""
        projector = check_map(projector)
        if projector is None:
            return self
        own = projector.spectrum_of(self)
        if not self.is_classic and own is None:
            frame = self.class_frame().with_fresh(projector.fresh_axes)
            return image_of(frame, projector.on_classes(frame))
        found = Spectrum.of_image(*self._atoms(projector), self.balance) if own is None else own
        if self.ends is not None:
            low, high = (end.spectrum(projector) for end in self.ends)
            object.__setattr__(found, "ends", (low, high))
        return found

    def sample(
        self, n: int, dimension: int, rng: Any = None, *, fixed_counts: bool = False
    ) -> tuple[Array, Array]:
        """Draw n labelled points in R^dimension, see :meth:`SpikedMixture.sample`.

        The labels of K classes are 0 … K - 1.
        """
        if self.is_classic:
            return super().sample(n, dimension, rng, fixed_counts=fixed_counts)
        n, fixed_counts = check_integer("n", n, 1), check_flag("fixed_counts", fixed_counts)
        frame, generator = self.class_frame(), check_rng(rng)
        return class_features(frame, n, dimension, generator, fixed_counts)

    def transform(self, points: Array, projector: Map) -> Array:
        if self.is_classic:
            return super().transform(points, projector)
        frame = self.class_frame()
        return frame.apply(projector.on_classes(frame), points)

    def margins(self, weights: Array, projector: Map | None = None) -> tuple[Array, Array]:
        if self.is_classic:
            return super().margins(weights, projector)
        frame = self.class_frame()
        image = None if projector is None else projector.on_classes(frame)
        return class_margins(frame, image, weights)


def image_of(frame: ClassFrame, image: Any) -> Spectrum | MatrixSpectrum:
    """The spectrum of a population of several classes behind a map."""
    found = _image_of(frame, image)
    if frame.ends is None:
        return found
    low, high = (_image_of(end, image) for end in frame.ends)
    if isinstance(found, MatrixSpectrum):
        return found._replace(ends=(low, high))
    object.__setattr__(found, "ends", (low, high))
    return found


def _image_of(frame: ClassFrame, image: Any) -> Spectrum | MatrixSpectrum:
    found = frame.image(image)
    if isinstance(found, MatrixSpectrum):
        return found
    atoms, weights, grams = found
    shared = len(atoms) == 1
    return Spectrum(
        atoms[0] if shared else None,
        weights,
        grams,
        priors=frame.priors,
        labels=frame.labels,
        class_eigenvalues=None if shared else atoms,
    )
