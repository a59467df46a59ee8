r"""The signal-weighted spectrum behind a power of a sample second moment.

Given the unlabelled sample, z = Th has mean Tμ and covariance TΣT with T = (S/σ²)^a. In the limit
the special directions see the spectrum of S through the laws ν_i of
:mod:`asymptotics.marchenko_pastur`, one for each principal axis of the second moment, and T acts on
⊕_i L²(ν_i) as the multiplication by x^a. There Σ = GGᵀ is σ² but for the frame, in which it is what
it always was; TΣT is σ²x^{2a} and a term of finite rank. On the nodes of the quadrature TG is a
matrix, whose singular value decomposition gives every resolvent of TΣT to the precision of the
quadrature.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from ..populations.frame import Frame
from .marchenko_pastur import spectral_law

__all__ = ["sample_power_spectrum"]

# A node of less mass than this is below the rounding of the sums that it enters.
_INSENSIBLE = 1e-19


def sample_power_spectrum(
    frame: Frame, exponent: Array, ratio: Array
) -> tuple[Array, Array, Array]:
    """Eigenvalues, weights and energies of TΣT, T = (S/σ²)^exponent, each of shape (..., J).

    Parameters
    ----------
    frame : Frame
        Of a population with an isotropic bulk.
    exponent, ratio : array, shape (...)
        a and γ_u.

    Raises
    ------
    ValueError
        If a power is too large for a float.
    """
    noise = np.asarray(frame.noise)[..., None]
    factor = np.concatenate([frame.root, frame.mean[..., None]], axis=-1) / noise[..., None]
    basis, deviations, _ = np.linalg.svd(factor, full_matrices=False)
    turn = np.swapaxes(basis, -1, -2)
    root, mean = turn @ frame.root, (turn @ frame.mean[..., None])[..., 0]
    shape = np.broadcast_shapes(mean.shape[:-1], exponent.shape, ratio.shape)

    bulk = spectral_law(np.ones(1), ratio[..., None])
    seen = spectral_law(np.square(deviations), ratio[..., None])
    with np.errstate(over="ignore", under="ignore"):
        powers, axes = (law.eigenvalues ** exponent[..., None, None] for law in (bulk, seen))
        # TΣT is at most T²|Σ|, and the energies at most T²|μ|²
        size = np.abs(frame.root).max(initial=0.0) + np.abs(frame.mean).max(initial=0.0)
        largest = np.square(size) * axes.max(initial=0.0) ** 2
    if not np.isfinite(largest):
        raise ValueError(
            "exponent must keep the powers of the variances within the range of a float, got "
            f"{float(exponent.flat[np.argmax(np.abs(exponent))])!r}"
        )
    variances = np.square(noise * powers[..., 0, :])
    weights = np.broadcast_to(bulk.masses[..., 0, :], (*ratio.shape, bulk.masses.shape[-1]))
    if not frame.spikes:  # Σ is σ² in the frame as well
        deviations, masses = noise * axes[..., 0, :], seen.masses[..., 0, :]
        energies = np.square(mean * axes[..., 0, :]) * masses
    else:
        deviations, energies = _perturbed(root, mean, noise[..., 0], axes, seen.masses, shape)
    special = np.square(deviations)
    energies = np.where(special > 0, energies, 0.0)  # of what underflows, no signal stays
    parts = [(variances, special), (weights, np.zeros(special.shape[-1]))]
    parts.append((np.zeros(variances.shape[-1]), energies))
    found = (
        np.concatenate([np.broadcast_to(v, (*shape, v.shape[-1])) for v in pair], axis=-1)
        for pair in parts
    )
    eigenvalues, weights, energies = found
    return eigenvalues, weights, energies


def _perturbed(
    root: Array, mean: Array, noise: Array, powers: Array, masses: Array, shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Standard deviations of TG, and the energy of Tμ along each of its axes.

    With TG = X D Wᵀ and μ = Gν, XᵀTμ = D Wᵀν: so is the separation |ν|² kept to the last digit.
    """
    k, nodes = masses.shape[-2:]
    whitened = np.linalg.solve(root, mean[..., None])[..., 0]

    def over(values: Array, axes: int) -> Array:
        return np.broadcast_to(values, (*shape, *values.shape[values.ndim - axes :]))

    root, whitened, noise = over(root, 2), over(whitened, 1), over(noise, 0)
    powers, masses = over(powers, 2), over(masses, 2)
    deviations = np.zeros((*shape, k * nodes))
    energies = np.zeros((*shape, k * nodes))
    for i in np.ndindex(shape):
        axes = np.zeros((k, nodes, k))
        for j in range(k):
            axes[j, :, j] = np.sqrt(masses[i][j])
        felt = masses[i] > _INSENSIBLE
        axes, stretch = axes[felt], powers[i][felt][:, None]
        matrix = axes @ (root[i] - noise[i] * np.eye(k)) @ axes.T
        matrix[np.diag_indices(len(matrix))] += noise[i]
        matrix = (stretch * matrix)[stretch[:, 0] > 0]  # a power of 0 leaves a deviation of 0
        _, found, right = np.linalg.svd(matrix, full_matrices=False)
        deviations[i][: found.size] = found
        energies[i][: found.size] = np.square(found * (right @ (axes @ whitened[i])))
    return deviations, energies
