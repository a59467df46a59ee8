"""Limits on K classes by other means: one-hot ridge to any precision, softmax of three to fifteen.

Ridge: with the susceptibilities at hand, each score is a saddle point of its own,

    (diag(1/V̂) + A) F_i + b_i 1 = e_i,   1ᵀF_i = 0,   A = N(λ + Σ V̂_s S_s)⁻¹Nᵀ,

and A is made of matrices, not of their eigenvectors. Softmax: expectations are integrals over the
trained scores u and not over the Gaussian ones, ω = u + V∇ℓ(u), so that no minimisation is done:

    E g(u) = ∫ g(u) N(u + V∇ℓ(u); M_k + b, Q) |1 + VH(u)| du.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from ..checks import POSITIVE, Array, check_real
from ..classifiers import Classifier, Ridge, Softmax
from ..outcomes import ConvergenceError
from ..populations.classes import ClassMixture, GaussianClasses
from ..populations.spectrum import Spectrum
from ..projectors import Expansion, Projector
from .arithmetic import Context, Matrix, Real, below, exact, new_context, scalar
from .three_scores import Atoms, Scores, contrasts, solve_three

__all__ = ["ReferenceClassLimit", "class_limit", "has_several"]

# Digits beyond those asked for, of the solution and of the run that it is held against.
_GUARDS = (20, 35)
_STEPS = 400
# Classes whose orthants are integrated here.
_MOST = 5
#: Digits that an extended float leaves to softmax, and a plain one.
_EXTENDED, _PLAIN = 12, 10
# By how much the second lattice of softmax is finer.
_REFINED = 1.3


@dataclass(frozen=True, eq=False)
class ReferenceClassLimit:
    """A limit on K classes with every field correct to `dps` digits.

    Arrays hold numbers of mpmath; the shapes are those of ``ClassLimit``.

    Attributes
    ----------
    accuracy, error : mpf or None
        None above five classes, where orthants are not integrated.
    class_accuracy : array, shape (K,), or None
    mean : array, shape (K, K)
        Score l of class k at [l, k], without its intercept.
    variance, susceptibility : array, shape (K, K) or (K, K, K)
        Of all classes, or of each. The susceptibility of softmax is that of scores of sum zero.
    intercept : array, shape (K,)
    residual : mpf
        Largest relative violation of the equations.
    dps : int
        Correct decimal digits.
    """

    accuracy: Any
    error: Any
    class_accuracy: Any
    mean: Any
    variance: Any
    susceptibility: Any
    intercept: Any
    residual: Any
    dps: int

    def __reduce__(self) -> tuple[Any, ...]:
        # The number type of a context of one's own has no name to pickle it by.
        def raw(value: Any) -> Any:
            if value is None:
                return None
            parts = np.asarray(value, dtype=object)
            return parts.shape, [x._mpf_ for x in parts.ravel()]

        return _restore, (self.dps, [raw(getattr(self, f.name)) for f in fields(self)[:-1]])


def _restore(dps: int, raw: list[Any]) -> ReferenceClassLimit:
    ctx = new_context(dps)

    def made(value: Any) -> Any:
        if value is None:
            return None
        shape, parts = value
        numbers = np.array([ctx.make_mpf(x) for x in parts], dtype=object).reshape(shape)
        return numbers if shape else numbers[()]

    values: list[Any] = [*map(made, raw), dps]
    return ReferenceClassLimit(*values)


def default_digits(clf: Classifier) -> int:
    """As many as are to be had of softmax, else 50."""
    return _softmax_digits() if isinstance(clf, Softmax) else 50


def _softmax_digits() -> int:
    return _EXTENDED if np.finfo(np.longdouble).eps < 1e-18 else _PLAIN


def has_several(mix: Any) -> bool:
    """Whether a population is for this module."""
    return isinstance(mix, (ClassMixture, GaussianClasses, Spectrum)) and not mix.is_classic


class _World(NamedTuple):
    """A problem in exact numbers: means and covariances of an image, or atoms."""

    means: Matrix | None  # (K, a)
    covariances: tuple[Matrix, ...]
    share: Real  # of all directions, each of the axes
    bulk: tuple[tuple[Real, ...], ...]  # by kind, the variance of each part
    weights: tuple[Real, ...]
    grams: tuple[Matrix, ...]  # of each part, beside what the axes have
    priors: tuple[Real, ...]
    costs: tuple[Real, ...]
    gamma: Real
    penalty: Real

    @property
    def kinds(self) -> int:
        return len(self.bulk) if self.bulk else len(self.covariances)

    def kind(self, k: int) -> int:
        return k if self.kinds > 1 else 0


def _matrix(ctx: Context, rows: Any) -> Matrix:
    return ctx.matrix([[exact(ctx, x) for x in row] for row in np.asarray(rows)])


def _costs(ctx: Context, clf: Classifier, priors: tuple[Real, ...]) -> tuple[Real, ...]:
    weight = clf.class_weight
    if weight is None:
        return tuple(ctx.one for _ in priors)
    if weight == "balanced":
        return tuple(1 / (len(priors) * rho) for rho in priors)
    table = {float(label): value for label, value in dict(weight).items()}
    if sorted(table) != [float(k) for k in range(len(priors))]:
        raise ValueError(f"class_weight must have a weight for each class, got {dict(weight)}")
    return tuple(exact(ctx, table[float(k)]) for k in range(len(priors)))


def _world(ctx: Context, mix: Any, clf: Classifier, projector: Projector, gamma: float) -> _World:
    priors = tuple(exact(ctx, x) for x in mix.priors)
    ratio = scalar(ctx, "aspect_ratio", gamma)
    penalty = scalar(ctx, "penalty", clf.penalty_values)
    if isinstance(mix, Spectrum):
        if not projector.is_identity:
            raise TypeError(
                f"projector must be Identity on a Spectrum of several classes, got {projector!r}"
            )
        own = mix.eigenvalues[None] if mix.class_eigenvalues is None else mix.class_eigenvalues
        return _World(
            None,
            (),
            ctx.zero,
            tuple(tuple(exact(ctx, x) for x in row) for row in own),
            tuple(exact(ctx, x) for x in mix.weights),
            tuple(_matrix(ctx, gram) for gram in mix.grams),
            priors,
            _costs(ctx, clf, priors),
            ratio,
            penalty,
        )
    means = _matrix(ctx, mix.means)
    finite = isinstance(mix, GaussianClasses)
    noise = ctx.one if finite else scalar(ctx, "noise", mix.noise) ** 2
    if mix.covariance is None:
        covariances = [noise * ctx.eye(means.cols)]
    else:
        stack = mix.covariance if np.ndim(mix.covariance) == 3 else mix.covariance[None]
        covariances = [_matrix(ctx, one) for one in stack]
        covariances = [(one + one.T) / 2 for one in covariances]
    if projector.fresh_axes:
        if finite:
            raise ValueError("alignment must be 1 or -1 on a population without a bulk")
        wider = ctx.zeros(means.rows, means.cols + 1)
        wider[:, : means.cols] = means
        means = wider
        for k, one in enumerate(covariances):
            larger = noise * ctx.eye(means.cols)
            larger[: one.rows, : one.cols] = one
            covariances[k] = larger
    image = _image(ctx, projector, means, priors)
    covariances = [image * one * image.T for one in covariances]
    return _World(
        means * image.T,
        tuple(covariances),
        ctx.one / means.cols if finite else ctx.zero,
        () if finite else tuple((noise,) for _ in covariances),
        () if finite else (ctx.one,),
        () if finite else (ctx.zeros(means.rows),),
        priors,
        _costs(ctx, clf, priors),
        ratio,
        penalty,
    )


def _image(ctx: Context, projector: Projector, means: Matrix, priors: tuple[Real, ...]) -> Matrix:
    """The block of a projector on the axes."""
    size = means.cols
    if projector.is_identity:
        return ctx.eye(size)
    if not isinstance(projector, Expansion):
        raise TypeError(
            "projector must be Identity or an Expansion in asymptotics.reference on several "
            f"classes, got {projector!r}"
        )
    gain = scalar(ctx, "gain", projector.gain)
    if projector.subspace is not None:
        gaps = ctx.matrix(
            [[means[k, j] - means[0, j] for j in range(size)] for k in range(1, means.rows)]
        )
        directions = _orthonormal(ctx, gaps)
    else:
        contrast = projector.contrast
        if contrast is None:
            if means.rows != 2:
                raise ValueError("contrast must be given on more than two classes")
            contrast = (-1.0, 1.0)
        u = ctx.matrix([exact(ctx, c) for c in contrast]).T * means
        u = u / ctx.norm(u)
        alignment = scalar(ctx, "alignment", projector.alignment)
        if projector.fresh_axes:
            u = alignment * u
            u[0, size - 1] = ctx.sqrt((1 - alignment) * (1 + alignment))
        directions = [u]
    block = ctx.eye(size)
    for u in directions:
        block += (gain - 1) * u.T * u
    return block


def _orthonormal(ctx: Context, rows: Matrix) -> list[Matrix]:
    """Rows of a basis of what the rows span, by Gram and Schmidt, twice."""
    largest = max(ctx.norm(rows[k, :]) for k in range(rows.rows))
    found: list[Matrix] = []
    for k in range(rows.rows):
        u = rows[k, :]
        for _ in range(2):
            for v in found:
                u = u - (u * v.T)[0] * v
        if ctx.norm(u) > largest * ctx.mpf(10) ** (-ctx.dps // 2):
            found.append(u / ctx.norm(u))
    return found


class _Sums(NamedTuple):
    a: Matrix
    d: list[Matrix]
    v: list[Real]
    c: Matrix


def _sums(ctx: Context, world: _World, v_hat: list[Real]) -> _Sums:
    """A, D_s, v_s and c_st at the V̂_s of each kind."""
    kinds, count = world.kinds, len(world.priors)
    a = ctx.zeros(count)
    d = [ctx.zeros(count) for _ in range(kinds)]
    v, c = [ctx.zero] * kinds, ctx.zeros(kinds)
    gamma = world.gamma
    if world.means is not None:
        total = world.penalty * ctx.eye(world.means.cols)
        for x, covariance in zip(v_hat, world.covariances, strict=True):
            total += x * covariance
        inverse = ctx.inverse(total)
        seen = world.means * inverse
        a += seen * world.means.T
        products = [covariance * inverse for covariance in world.covariances]
        for s, covariance in enumerate(world.covariances):
            d[s] += seen * covariance * seen.T
            size = covariance.rows
            v[s] += gamma * world.share * sum(products[s][i, i] for i in range(size))
            for t in range(kinds):
                trace = sum(
                    products[s][i, j] * products[t][j, i] for i in range(size) for j in range(size)
                )
                c[s, t] += gamma * world.share * trace
    for j, (w, gram) in enumerate(zip(world.weights, world.grams, strict=True)):
        own = [part[j] for part in world.bulk]
        r = 1 / (world.penalty + sum(x * y for x, y in zip(v_hat, own, strict=True)))
        a += r * gram
        for s in range(kinds):
            d[s] += own[s] * r**2 * gram
            v[s] += gamma * w * own[s] * r
            for t in range(kinds):
                c[s, t] += gamma * w * own[s] * own[t] * r**2
    return _Sums(a, d, v, c)


def _by_kind(world: _World, values: list[Real]) -> list[Real]:
    return values if world.kinds > 1 else [sum(values)]


def _susceptibilities(ctx: Context, world: _World) -> tuple[list[Real], _Sums]:
    """The V_s, by Newton's method on V_s = v_s(V̂(V)), after some steps of the map itself."""
    count = len(world.priors)
    v = [ctx.one] * world.kinds

    def answer(v: list[Real]) -> tuple[_Sums, list[Real]]:
        pulls = [world.costs[k] / (1 + world.costs[k] * v[world.kind(k)]) for k in range(count)]
        v_hat = _by_kind(world, [rho * x for rho, x in zip(world.priors, pulls, strict=True)])
        return _sums(ctx, world, v_hat), pulls

    goal = ctx.mpf(10) ** (-ctx.dps + 5)
    for step in range(_STEPS):
        sums, pulls = answer(v)
        gaps = [x - y for x, y in zip(sums.v, v, strict=True)]
        if max(abs(gap / x) for gap, x in zip(gaps, v, strict=True)) < goal:
            return v, sums
        if step < 8:
            v = list(sums.v)
            continue
        slope = _by_kind(world, [rho * x**2 for rho, x in zip(world.priors, pulls, strict=True)])
        system = ctx.eye(world.kinds)
        for s in range(world.kinds):
            for t in range(world.kinds):
                system[s, t] -= sums.c[s, t] * slope[t]
        moved = ctx.lu_solve(system, ctx.matrix(gaps))
        trial = [x + dx for x, dx in zip(v, moved, strict=True)]
        v = trial if all(x > 0 for x in trial) else list(sums.v)
    raise ConvergenceError("the susceptibilities were not found")


class _Found(NamedTuple):
    mean: Matrix
    variance: list[Matrix]
    susceptibility: list[Matrix]
    intercept: list[Real]
    residual: Real


def _ridge(ctx: Context, world: _World, free: bool) -> _Found:
    count, kinds = len(world.priors), world.kinds
    v, sums = _susceptibilities(ctx, world)
    pulls = [world.costs[k] / (1 + world.costs[k] * v[world.kind(k)]) for k in range(count)]
    v_hat = [rho * x for rho, x in zip(world.priors, pulls, strict=True)]
    size = count + int(free)
    saddle = ctx.zeros(size)
    saddle[:count, :count] = sums.a + ctx.diag([1 / x for x in v_hat])
    for k in range(count) if free else ():
        saddle[k, count] = saddle[count, k] = ctx.one
    forces, b = ctx.zeros(count), []
    for i in range(count):
        target = ctx.zeros(size, 1)
        target[i] = ctx.one
        solved = ctx.lu_solve(saddle, target)
        b.append(solved[count] if free else ctx.zero)
        for k in range(count):
            forces[i, k] = solved[k]
    mean = forces * sums.a
    # Q_s = F D_s Fᵀ + Σ_k c_sk (F_kF_kᵀ/ρ_k + ρ_k p_k² Q_k), entry by entry
    system = ctx.eye(kinds)
    for s in range(kinds):
        for k in range(count):
            t = world.kind(k)
            system[s, t] -= sums.c[s, t] * world.priors[k] * pulls[k] ** 2
    variance = [ctx.zeros(count) for _ in range(kinds)]
    explained = [forces * d * forces.T for d in sums.d]
    for i in range(count):
        for j in range(count):
            right = [
                explained[s][i, j]
                + sum(
                    sums.c[s, world.kind(k)] * forces[i, k] * forces[j, k] / world.priors[k]
                    for k in range(count)
                )
                for s in range(kinds)
            ]
            solved = ctx.lu_solve(system, ctx.matrix(right))
            for s in range(kinds):
                variance[s][i, j] = solved[s]
    gap = max(
        abs(forces[i, k] - v_hat[k] * ((i == k) - mean[i, k] - b[i]))
        for i in range(count)
        for k in range(count)
    )
    return _Found(mean, variance, [x * ctx.eye(count) for x in v], b, gap)


def _right(ctx: Context, h: list[Real], correlation: Matrix) -> Real:
    """P(y > 0) of unit variances and means h, along the path from independence (Plackett).

    The derivative by a correlation is the density of the two at 0 times the probability that the
    others are positive there, in two dimensions less.
    """
    size = len(h)
    independent = ctx.fprod(below(ctx, x) for x in h)
    if size == 1:
        return independent

    def slope(t: Real) -> Real:
        return sum(
            correlation[i, j] * _pair(ctx, h, t, correlation, i, j)
            for i in range(size)
            for j in range(i)
        )

    return independent + ctx.quad(slope, [0, ctx.mpf(1) / 2, 1])


def _pair(ctx: Context, h: list[Real], t: Real, correlation: Matrix, i: int, j: int) -> Real:
    """∂P/∂c_ij where all correlations are t times those given."""
    rho = t * correlation[i, j]
    left = (1 - rho) * (1 + rho)
    exponent = (h[i] ** 2 - 2 * rho * h[i] * h[j] + h[j] ** 2) / (2 * left)
    density = ctx.exp(-exponent) / (2 * ctx.pi * ctx.sqrt(left))
    others = [k for k in range(len(h)) if k not in (i, j)]
    if not others or density == 0:
        return density
    # regressions on the two
    pulls = {}
    for k in others:
        a, b = t * correlation[k, i], t * correlation[k, j]
        pulls[k] = (a - rho * b) / left, (b - rho * a) / left
    spread = ctx.zeros(len(others))
    for x, k in enumerate(others):
        for y, m in enumerate(others):
            own = ctx.one if k == m else t * correlation[k, m]
            spread[x, y] = own - t * (
                pulls[k][0] * correlation[m, i] + pulls[k][1] * correlation[m, j]
            )
    sizes = [ctx.sqrt(spread[x, x]) for x in range(len(others))]
    means = [
        (h[k] - pulls[k][0] * h[i] - pulls[k][1] * h[j]) / sizes[x] for x, k in enumerate(others)
    ]
    for x, own in enumerate(sizes):
        for y, other in enumerate(sizes):
            spread[x, y] /= own * other
    return density * _right(ctx, means, spread)


def _accuracies(ctx: Context, world: _World, found: _Found) -> list[Real]:
    """P(score k is the largest | class k)."""
    count = len(world.priors)
    rights = []
    for k in range(count):
        others = [j for j in range(count) if j != k]
        centre = [found.mean[i, k] + found.intercept[i] for i in range(count)]
        q = found.variance[world.kind(k)]
        spread = ctx.zeros(count - 1)
        for x, i in enumerate(others):
            for y, j in enumerate(others):
                spread[x, y] = q[k, k] - q[k, j] - q[i, k] + q[i, j]
        sizes = [ctx.sqrt(spread[x, x]) for x in range(count - 1)]
        for x in range(count - 1):
            for y in range(count - 1):
                spread[x, y] /= sizes[x] * sizes[y]
        h = [(centre[k] - centre[j]) / size for j, size in zip(others, sizes, strict=True)]
        rights.append(_right(ctx, h, spread))
    return rights


def class_limit(
    mix: Any, clf: Classifier, aspect_ratio: Any, projector: Projector, dps: int
) -> ReferenceClassLimit:
    """What :func:`limit` returns on several classes."""
    if type(clf) not in (Ridge, Softmax):
        raise TypeError(
            f"clf must be Ridge or Softmax on several classes in asymptotics.reference, got {clf!r}"
        )
    if mix.priors is None or mix.labels is not None:
        raise TypeError(
            "mix must be of several classes without labels in asymptotics.reference, got clusters, "
            "or a covariance for each of two classes without priors"
        )
    if mix.batch_shape or np.ndim(clf.penalty_values):
        raise ValueError("mix and penalty must be single in asymptotics.reference, got arrays")
    if clf.penalty_values == 0:
        raise ValueError("penalty must be positive on several classes, got 0")
    gamma = check_real("aspect_ratio", aspect_ratio, POSITIVE)
    count = len(mix.priors)
    if isinstance(clf, Softmax):
        most = _softmax_digits()
        if count != 3 or dps > most:
            raise ValueError(
                f"dps must be at most {most}, on three classes, for Softmax in "
                f"asymptotics.reference, got {dps} on {count}"
            )
    ctx, runs = new_context(dps), []
    for level, guard in enumerate(_GUARDS):
        with ctx.workdps(dps + guard):
            world = _world(ctx, mix, clf, projector, gamma)
            if isinstance(clf, Ridge):
                found = _ridge(ctx, world, clf.fit_intercept)
            else:
                found = _softmax(ctx, world, clf.fit_intercept, level)
            runs.append((found, _accuracies(ctx, world, found) if count <= _MOST else None))
    return _agreed(ctx, runs, mix, clf)


def _softmax(ctx: Context, world: _World, free: bool, level: int) -> _Found:
    """Of three classes, on a lattice of one step and of a shorter one."""
    if world.kinds > 1:
        raise ValueError("clf must be Ridge with a covariance for each class, got Softmax")
    atoms = _atoms(ctx, world)
    problem = Atoms(
        _extended([d for d, _, _ in atoms]),
        _extended([w for _, w, _ in atoms]),
        np.array([_extended(gram.tolist()) for _, _, gram in atoms]),
        _extended(list(world.priors)),
        _extended(list(world.costs)),
        _long(world.gamma),
        _long(world.penalty),
        free,
    )
    # the square loss of curvature 1/3
    near = _ridge(ctx, world._replace(penalty=3 * world.penalty), free)
    basis = contrasts(np.longdouble)
    start = Scores(
        3 * basis.T @ _extended(near.mean.tolist()),
        3 * basis.T @ _extended(near.intercept),
        9 * basis.T @ _extended(near.variance[0].tolist()) @ basis,
        3 * _long(near.susceptibility[0][0, 0]) * np.eye(2, dtype=np.longdouble),
    )
    found, residual, missing = solve_three(problem, start, _REFINED**level)

    def outward(rows: Array) -> Matrix:
        return ctx.matrix([[_number(ctx, x) for x in row] for row in rows])

    return _Found(
        outward(basis @ found.mean),
        [outward(basis @ found.variance @ basis.T)],
        [outward(basis @ found.susceptibility @ basis.T)],
        [_number(ctx, x) for x in basis @ found.intercept],
        ctx.mpf(max(residual, missing)),
    )


def _long(x: Real) -> Any:
    """An extended float, from the two plain ones that it is the sum of."""
    high = float(x)
    return np.longdouble(high) + np.longdouble(float(x - high))


def _extended(values: Any) -> Array:
    parts = np.array(values, dtype=object)
    return np.array([_long(x) for x in parts.ravel()], dtype=np.longdouble).reshape(parts.shape)


def _number(ctx: Context, x: Any) -> Real:
    high = float(x)
    return ctx.mpf(high) + ctx.mpf(float(x - np.longdouble(high)))


def _agreed(
    ctx: Context, runs: list[tuple[_Found, list[Real] | None]], mix: Any, clf: Classifier
) -> ReferenceClassLimit:
    """The later of two runs, if they agree to more digits than are asked for."""
    dps = ctx.dps
    (first, rights), (second, table) = runs

    def size(m: Matrix) -> Real:
        return max(abs(x) for x in m)

    gaps = [size(first.mean - second.mean) / size(second.mean)]
    for name in ("variance", "susceptibility"):
        pairs = zip(getattr(first, name), getattr(second, name), strict=True)
        gaps += [size(a - b) / size(b) for a, b in pairs]
    gaps += [abs(a - b) for a, b in zip(first.intercept, second.intercept, strict=True)]
    gaps += [abs(a - b) for a, b in zip(rights or [], table or [], strict=True)]
    if not max(gaps) < ctx.mpf(10) ** (-dps):
        raise ConvergenceError(
            f"{dps} digits of the limit for {clf!r} were not reached: two runs differ by "
            f"{ctx.nstr(max(gaps), 3)}"
        )

    def outward(values: Any) -> Array:
        found = np.array(values, dtype=object)
        return np.array([+ctx.mpf(x) for x in found.ravel()], dtype=object).reshape(found.shape)

    matrices = [
        outward([m.tolist() for m in part]) for part in (second.variance, second.susceptibility)
    ]
    if len(second.variance) == 1:
        matrices = [m[0] for m in matrices]
    accuracy = error = None
    if table is not None:
        priors = [exact(ctx, x) for x in mix.priors]
        accuracy = ctx.mpf(sum(rho * x for rho, x in zip(priors, table, strict=True)))
        error = ctx.mpf(sum(rho * (1 - x) for rho, x in zip(priors, table, strict=True)))
    return ReferenceClassLimit(
        accuracy,
        error,
        None if table is None else outward(table),
        outward(second.mean.tolist()),
        matrices[0],
        matrices[1],
        outward(second.intercept),
        ctx.mpf(second.residual),
        dps,
    )


def _atoms(ctx: Context, world: _World) -> list[tuple[Real, Real, Matrix]]:
    """(d, w, G) of each eigenspace."""
    found = []
    if world.means is not None:
        values, basis = ctx.eigsy(world.covariances[0])
        parts = world.means * basis
        for j, d in enumerate(values):
            found.append((d, world.share, parts[:, j] * parts[:, j].T))
    own = world.bulk[0] if world.bulk else ()
    found += list(zip(own, world.weights, world.grams, strict=True))
    return found
