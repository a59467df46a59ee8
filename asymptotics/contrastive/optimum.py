r"""The minimiser of population InfoNCE: two equations, whatever the dimension.

With C = Σ + Σ_a, Σ_a = σ_a² I or any other covariance, in axes on which both are diagonal,
u = C^{-1/2} μ and W = C^{1/2} B C^{1/2}, the loss is

    L = -⟨W, N + uuᵀ⟩ + ½ |W|² + ½ |Wu|² + E log(π e^x + (1 - π) e^-x),   N = Σ C⁻¹,

with x = y m + √v g, m = ⟨u, Wu⟩ and v = |Wu|². It is convex, |W|²/2 makes it strongly so, and its
gradient is, with d = 1 - E[y tanh(x + η)] and c = E sech²(x + η),

    ∇L = W - N + ½(1 + c)(Wu uᵀ + u uᵀW) - d uuᵀ.

So W differs from N in the entries along u alone. With q = |u|², û = u/√q, n = ⟨û, Nû⟩ and n⊥ the
rest of Nû,

    W = N + (ω - n) ûûᵀ + (ρ - 1)(û n⊥ᵀ + n⊥ ûᵀ),
    ω (1 + q(1 + c)) = n + q d,    ρ (1 + ½ q(1 + c)) = 1,

where d and c depend on m = q ω and v = q (ω² + ρ² |n⊥|²). As d > 0 and ω > n/(1 + ½ q(1 + c))²,
W is positive definite with N: no constraint is ever active.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..integrals.log_cosh import channel, force
from ..outcomes import ConvergenceError

__all__ = ["Views", "certificate", "optimum"]

# Largest share of the gradient's own terms that may be left of it.
TOLERANCE = 1e-10
_STEPS = 100
# Newton's last step, relative; it converges quadratically.
_SMALL_STEP = 1e-11


class Views(NamedTuple):
    """A flat batch of B populations of augmented views, in axes on which Σ and C are diagonal."""

    variances: Array  # (B, K)
    signal: Array  # (B, K), the unit vector μ/s
    length: Array  # (B,), s
    balance: Array  # (B,)
    augmentation: Array  # (B,), or (B, K) for a deviation of its own on each axis

    def take(self, index: Array) -> Views:
        return Views(*(array[index] for array in self))

    @property
    def total(self) -> Array:
        """Eigenvalues of C, shape (B, K)."""
        own = self.augmentation if self.augmentation.ndim == 2 else self.augmentation[:, None]
        total: Array = self.variances + np.square(own)
        return total

    @property
    def share(self) -> Array:
        """Eigenvalues of N, shape (B, K)."""
        return self.variances / self.total


class _Plane(NamedTuple):
    """What the two equations depend on."""

    q: Array
    n: Array
    off: Array  # |n⊥|
    balance: Array


def _whiten(views: Views) -> tuple[_Plane, Array, Array]:
    """The plane of u and Nu: its numbers, û and n⊥, of shape (B, K)."""
    direction = views.signal / np.sqrt(views.total)
    length = np.linalg.norm(direction, axis=-1)
    unit = direction / np.where(length > 0, length, 1.0)[:, None]
    n = (unit**2 * views.share).sum(-1)
    rest = (views.share - n[:, None]) * unit
    q = np.square(views.length * length)
    return _Plane(q, n, np.linalg.norm(rest, axis=-1), views.balance), unit, rest


def _solve(plane: _Plane) -> tuple[Array, Array]:
    """ω and ζ = ρ|n⊥| by Newton's method on the convex function of both.

    From 0 it needs no line search: there the channel is steepest, and it only flattens.
    """
    omega, zeta = np.zeros(plane.q.size), np.zeros(plane.q.size)
    active = np.arange(plane.q.size)
    for _ in range(_STEPS):
        q, n, off, balance = (array[active] for array in plane)
        x, z = omega[active], zeta[active]
        c = channel(q * x, q * (x * x + z * z), balance)
        stiff = q * (1.0 + c.second)
        slope_x, slope_z = x * (1.0 + stiff) - n - q * c.deficit, z * (2.0 + stiff) - 2.0 * off
        # ψ'' from m, ψ'''/2 from m and v, ψ''''/4 from v, with dv = 2q(x, z)
        cross, bend = q * q * c.third, q * q * c.fourth
        xx = 1.0 + stiff + q * q * c.second + 2.0 * cross * x + bend * x * x
        xz = cross * z + bend * x * z
        zz = 2.0 + stiff + bend * z * z
        determinant = xx * zz - xz * xz
        step_x = (zz * slope_x - xz * slope_z) / determinant
        step_z = (xx * slope_z - xz * slope_x) / determinant
        omega[active], zeta[active] = x - step_x, z - step_z
        # written so that NaN goes on
        small = np.hypot(step_x, step_z) <= _SMALL_STEP * np.hypot(omega[active], zeta[active])
        active = active[~small]
        if not active.size:
            break
    return omega, zeta


def certificate(views: Views, whitened: Array) -> Array:
    """|∇L|_F over the norms of its terms, at W of shape (B, K, K); it bounds the error of W.

    As the Hessian is at least the identity, |W - W*|_F ≤ |∇L|_F.
    """
    u = views.signal / np.sqrt(views.total) * views.length[:, None]
    image = (whitened @ u[..., None])[..., 0]
    c = force((u * image).sum(-1), np.square(image).sum(-1), views.balance)
    half = 0.5 * (1.0 + c.second)[:, None, None] * image[:, :, None] * u[:, None, :]
    tensor = c.deficit[:, None, None] * u[:, :, None] * u[:, None, :]
    gradient = whitened + half + np.swapaxes(half, -1, -2) - tensor
    axis = np.arange(views.share.shape[-1])
    gradient[:, axis, axis] -= views.share
    size = np.linalg.norm(views.share, axis=-1) + c.deficit * np.square(u).sum(-1)
    left: Array = np.linalg.norm(gradient, axis=(-2, -1)) / size
    return left


def optimum(views: Views) -> Array:
    """W at the minimum, shape (B, K, K).

    Raises
    ------
    ConvergenceError
        If the certificate is above 1e-10 somewhere.
    """
    plane, unit, rest = _whiten(views)
    omega, zeta = _solve(plane)
    ratio = np.divide(zeta, plane.off, out=np.ones(zeta.size), where=plane.off > 0)
    mixed = (ratio - 1.0)[:, None, None] * unit[:, :, None] * rest[:, None, :]
    whitened = mixed + np.swapaxes(mixed, -1, -2)
    whitened += (omega - plane.n)[:, None, None] * unit[:, :, None] * unit[:, None, :]
    axis = np.arange(unit.shape[-1])
    whitened[:, axis, axis] += views.share
    left = certificate(views, whitened)
    if not np.all(left <= TOLERANCE):
        worst = int(np.argmax(np.where(np.isnan(left), np.inf, left)))
        raise ConvergenceError(
            "the minimum of the contrastive loss was not found: relative gradient "
            f"{left[worst]:.3g}, above {TOLERANCE:g}, at signal {views.length[worst]:.6g}, "
            f"augmentation {np.max(views.augmentation[worst]):.6g} and balance "
            f"{views.balance[worst]:.6g}"
        )
    return whitened
