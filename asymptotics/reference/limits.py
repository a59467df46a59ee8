"""limit() to any number of digits, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..checks import POSITIVE, check_real
from ..classifiers import (
    SVM,
    Bayes,
    Centroid,
    Classifier,
    Logistic,
    MaxMargin,
    MinNorm,
    Ridge,
    SquaredHinge,
)
from ..outcomes import ConvergenceError, NoLimitError
from ..populations.base import Population
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Identity, Projector
from .arithmetic import Context, Matrix, Real, check_digits, new_context, scalar
from .channels import Channel, ClippedChannel, CollapsedChannel, SquareChannel
from .classes import class_limit, default_digits, has_several
from .closed import bayes, centroid, singular_square, solve_square
from .collapse import collapsed, weights_vanish
from .equations import Equations, Point, Quantities, quantities
from .fixed_point import follow, jacobian_at, newton, polish
from .logistic import LogisticChannel
from .population import Atoms, atoms
from .thresholds import critical_aspect_ratio

__all__ = ["ReferenceLimit", "limit"]

# Digits of the path to a solution, and of its end, where a Jacobian is good to a third of them.
_PATH_DIGITS = 20
_END_DIGITS = 30
# Digits beyond those asked for: of the solution, in the first and the following attempts, and of
# the run at a higher precision that it is held against.
_GUARDS = (20, 50, 110, 230)
_CHECK = 15
# Digits that refinement may leave to rounding.
_ROUNDING = 10
_DIGITS = 50
# A penalty this many times the size of the data makes every margin small.
_STRONG = 10


@dataclass(frozen=True, eq=False)
class ReferenceLimit:
    """A limit with every field correct to `dps` digits; the fields are those of ``Limit``.

    Attributes
    ----------
    accuracy, error : mpf
        Probability of a correct and of a wrong label on fresh data, to full relative precision.
    mean, variance, intercept, susceptibility : mpf
        m, q, b and V.
    train_accuracy, train_loss : mpf
        On the training set; the loss without its penalty.
    residual : mpf
        Largest relative violation of the equations, at more than `dps` digits.
    dps : int
        Correct decimal digits.
    """

    accuracy: Any
    error: Any
    mean: Any
    variance: Any
    intercept: Any
    susceptibility: Any
    train_accuracy: Any
    train_loss: Any
    residual: Any
    dps: int

    @property
    def log_error(self) -> Any:
        """Natural logarithm of the error; -inf where there is none."""
        ctx = self.error.context
        if 2 * self.error > 1:
            return ctx.log1p(-self.accuracy)
        return ctx.log(self.error) if self.error else -ctx.inf

    def __reduce__(self) -> tuple[Any, ...]:
        # The number type of a context of one's own has no name to pickle it by.
        raw = [getattr(self, f.name)._mpf_ for f in fields(self) if f.name != "dps"]
        return _restore, (self.dps, raw)


def _restore(dps: int, raw: list[Any]) -> ReferenceLimit:
    ctx = new_context(dps)
    values: list[Any] = [*(ctx.make_mpf(value) for value in raw), dps]
    return ReferenceLimit(*values)


def limit(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    projector: Projector | None = None,
    dps: int | None = None,
) -> Any:
    r"""The limit of ``asymptotics.limit``, to `dps` correct digits.

    .. math::
        \text{accuracy} = \pi\,\Phi\big((m + b)/\sqrt q\big)
            + (1 - \pi)\,\Phi\big((m - b)/\sqrt q\big)

    with the fixed point of the limit, solved by other means than those of the fast
    solver, in arithmetic of any precision. A float stands for the binary number that it is.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture, ClassMixture, GaussianClasses or Spectrum
        A single population, not a batch.
    clf : classifier
        Any of the package's, with a single penalty; :class:`Ridge` on K classes, :class:`Softmax`
        on three.
    aspect_ratio : float
        γ = p/n > 0.
    projector : projector, optional
        :class:`Identity` by default.
    dps : int, optional
        Correct decimal digits, of every field relative to itself; 50 by default. On K classes of
        every matrix relative to its largest entry; 12 at most, and by default, of softmax.

    Returns
    -------
    ReferenceLimit
        A :class:`~reference.ReferenceClassLimit` on K classes.

    Raises
    ------
    TypeError, ValueError
        For invalid input, arrays of parameters among it.
    NoLimitError
        If the limit does not exist.
    ConvergenceError
        If `dps` digits were not reached: the solution at a working precision and a further Newton
        step at a higher one have to agree on one digit more than `dps`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> print(asy.reference.limit(mix, asy.Logistic(0.1), 0.5, asy.Expansion(3.0), dps=25).accuracy)
    0.9239603488965287772220114
    """
    projector = Identity() if projector is None else projector
    several = has_several(mix)
    if not several and not isinstance(mix, (SpikedMixture, GaussianMixture, Spectrum)):
        raise TypeError(
            "mix must be a SpikedMixture, GaussianMixture, ClassMixture, GaussianClasses or "
            f"Spectrum, got {mix!r}"
        )
    if not isinstance(clf, Classifier):
        raise TypeError(f"clf must be a classifier such as Logistic(0.1), got {clf!r}")
    if not isinstance(projector, Projector):
        raise TypeError(f"projector must be a projector such as Expansion(3.0), got {projector!r}")
    if several:
        digits = check_digits(default_digits(clf) if dps is None else dps)
        return class_limit(mix, clf, aspect_ratio, projector, digits)
    digits = check_digits(_DIGITS if dps is None else dps)
    ctx = new_context(digits)
    problem = _Problem(ctx, mix, clf, projector, aspect_ratio)
    problem.require_existence()
    agreed = ctx.zero
    for attempt, guard in enumerate(_GUARDS, start=1):
        try:
            first, second, residual = problem.solve(digits + guard, attempt)
        except ConvergenceError as error:
            reason = str(error)
            continue
        agreed = max(_difference(a, b) for a, b in zip(first, second, strict=True))
        if agreed < ctx.mpf(10) ** (-digits - 1):
            values: list[Any] = [*(ctx.mpf(value) for value in (*second, residual)), digits]
            return ReferenceLimit(*values)
        reason = f"two runs differ by a relative {ctx.nstr(agreed, 3)}"
    raise ConvergenceError(f"{digits} digits of the limit for {clf!r} were not reached: {reason}")


def _difference(a: Real, b: Real) -> Real:
    """|a - b| relative to the larger; 0 where they are the same, zeros and infinities too."""
    return 0 if a == b else abs(a - b) / max(abs(a), abs(b))


def _largest(gaps: list[Real]) -> Real:
    return max(abs(gap) for gap in gaps)


class _Problem:
    """One limit: its equations at any precision, and the path to their solution."""

    def __init__(
        self, ctx: Context, mix: Population, clf: Classifier, projector: Projector, gamma: Any
    ) -> None:
        self.ctx, self.mix, self.clf, self.projector = ctx, mix, clf, projector
        self.gamma = scalar(ctx, "aspect_ratio", check_real("aspect_ratio", gamma, POSITIVE))
        self.penalty = scalar(ctx, "penalty", getattr(clf, "penalty", 1.0))
        self.free_intercept = clf.fit_intercept and mix.balance != 0.5
        with ctx.workdps(_END_DIGITS):
            self.atoms = atoms(ctx, mix, projector)
        self._logistic = LogisticChannel()
        self._start: tuple[list[Real], Matrix] | None = None

    def require_existence(self) -> None:
        """Raise NoLimitError where there is no limit."""
        clf, ctx = self.clf, self.ctx
        separable = isinstance(clf, MaxMargin)
        if not separable and (self.penalty > 0 or isinstance(clf, MinNorm)):
            return
        with ctx.workdps(_END_DIGITS):
            if isinstance(clf, Ridge):
                threshold = 1 / self.atoms.rank
            else:
                threshold = critical_aspect_ratio(ctx, self.atoms, clf.fit_intercept)
            if (self.gamma > threshold) if separable else (self.gamma < threshold):
                return
            side = "above" if separable else "below"
            raise NoLimitError(
                f"aspect_ratio must be {side} the threshold {ctx.nstr(threshold, 20)} for {clf!r} "
                f"to have a limit, got {ctx.nstr(self.gamma, 20)}"
            )

    def solve(self, digits: int, attempt: int) -> tuple[Quantities, Quantities, Real]:
        """What is found at `digits` digits, what at more, and the residual of the former."""
        ctx = self.ctx
        if isinstance(self.clf, (Bayes, Centroid)):
            rule = bayes if isinstance(self.clf, Bayes) else centroid
            found = []
            for extra in (0, _CHECK):
                with ctx.workdps(digits + extra):
                    spectrum = atoms(ctx, self.mix, self.projector)
                    equations = self._equations(spectrum, channel=SquareChannel())
                    found.append(rule(equations, self.clf.fit_intercept))
            return found[0], found[1], ctx.zero
        if isinstance(self.clf, (Ridge, MinNorm)):
            return self._solve_square(digits)
        if self._collapses():
            with ctx.workdps(digits):
                constant = collapsed(ctx, self.atoms.balance)
            return constant, constant, ctx.zero
        u, jacobian = self._path(attempt)
        with ctx.workdps(digits):
            equations = self._equations(atoms(ctx, self.mix, self.projector))
            u = polish(equations, u, jacobian, digits - _ROUNDING)
            first = quantities(equations, equations.point(u))
        with ctx.workdps(digits + _CHECK):
            equations = self._equations(atoms(ctx, self.mix, self.projector))
            gaps = equations.residual(u)
            step = ctx.lu_solve(jacobian, ctx.matrix(gaps))
            better = [x - s for x, s in zip(u, step, strict=True)]
            second = quantities(equations, equations.point(better))
            return first, second, _largest(gaps)

    def _solve_square(self, digits: int) -> tuple[Quantities, Quantities, Real]:
        ctx = self.ctx
        found: list[Quantities] = []
        point = None
        residual = ctx.zero
        for extra in (0, _CHECK):
            with ctx.workdps(digits + extra):
                spectrum = atoms(ctx, self.mix, self.projector)
                hard = isinstance(self.clf, MinNorm) and self.gamma * spectrum.rank > 1
                penalty = self.penalty if isinstance(self.clf, Ridge) else ctx.mpf(int(hard))
                equations = self._equations(spectrum, penalty, SquareChannel(hard))
                singular = singular_square(equations)
                if singular is not None:
                    found.append(singular)
                    continue
                if point is not None:
                    residual = _largest(equations.residual(equations.coordinates(point)))
                point = solve_square(equations, hard=hard)
                found.append(quantities(equations, point))
        return found[0], found[1], residual

    def _equations(
        self, spectrum: Atoms, penalty: Real | None = None, channel: Channel | None = None
    ) -> Equations:
        """The equations of this problem, or of one with another penalty or another channel."""
        if channel is None:
            channel = self._channel(self.ctx.zero)
        if penalty is None:
            penalty = self.penalty
        return Equations(self.ctx, spectrum, self.gamma, penalty, channel, self.free_intercept)

    def _channel(self, rounding: Real) -> Channel:
        """The channel of the loss; hinge and hard margin with their corner rounded off."""
        if isinstance(self.clf, Logistic):
            return self._logistic
        if isinstance(self.clf, SquaredHinge):
            return ClippedChannel(self.ctx.one, ceiling=False)
        if isinstance(self.clf, SVM):
            return ClippedChannel(rounding, ceiling=True)
        if isinstance(self.clf, MaxMargin):
            return ClippedChannel(rounding, ceiling=False)
        raise TypeError(f"clf must have its loss in asymptotics.reference, got {self.clf!r}")

    def _collapses(self) -> bool:
        """Whether the weights vanish; if so, the solution that they vanish along is found first.

        Raises
        ------
        ConvergenceError
            If it is not: the constant classifier is then no answer.
        """
        if not isinstance(self.clf, SVM) or not self.free_intercept:
            return False
        ctx, spectrum = self.ctx, self.atoms
        with ctx.workdps(_END_DIGITS):
            if not weights_vanish(ctx, spectrum, self.gamma):
                return False
            channel = CollapsedChannel(1 if 2 * spectrum.balance > 1 else -1)

            def shrinking(penalty: Real) -> Equations:
                return self._equations(spectrum, penalty, channel)

            strong = self._strength()
            follow(shrinking, strong, ctx.zero, self._weak(shrinking(strong), ctx.one))
            return True

    def _path(self, attempt: int) -> tuple[list[Real], Matrix]:
        """The solution at a few digits, more of them on each attempt, and the Jacobian."""
        if self._start is None:
            with self.ctx.workdps(attempt * _PATH_DIGITS):
                u = self._follow()
            with self.ctx.workdps(attempt * _END_DIGITS):
                self._start = u, jacobian_at(self._equations(self.atoms), u)
        return self._start

    def _strength(self) -> Real:
        """A penalty at which every margin is small but for the intercept."""
        trace = self.gamma * sum(w * d for d, w, _ in self.atoms)
        spread = self.gamma * sum(w * d**2 for d, w, _ in self.atoms)
        spread += sum(e * d for d, _, e in self.atoms)
        return _STRONG * (trace + self.atoms.signal + self.ctx.sqrt(spread))

    def _follow(self) -> list[Real]:
        """From a strong penalty, or a loss with little force, to the problem itself."""
        ctx, spectrum = self.ctx, self.atoms
        strong = self._strength()
        if isinstance(self.clf, MaxMargin):
            # Forces (1 - ω)/rounding: it is to a hard margin what the penalty is to others.

            def rounded(rounding: Real) -> Equations:
                return self._equations(spectrum, ctx.one, self._channel(rounding))

            return follow(rounded, strong, ctx.zero, self._weak(rounded(strong), strong))

        def penalised(penalty: Real) -> Equations:
            return self._equations(spectrum, penalty)

        if isinstance(self.clf, SVM) and self.free_intercept:
            # The larger class sits at the corner of the hinge: reached by sharpening a round one.

            def sharpened(rounding: Real) -> Equations:
                return self._equations(spectrum, strong, self._channel(rounding))

            rounding = ctx.mpf(2)
            u = follow(sharpened, rounding, ctx.zero, self._weak(sharpened(rounding), rounding))
        else:
            strong = max(strong, self.penalty)
            u = self._weak(penalised(strong), ctx.one)
        return follow(penalised, strong, self.penalty, u)

    def _weak(self, equations: Equations, rounding: Real) -> list[Real]:
        """The solution for small weights, where margins are ±b and V̂ is negligible, refined."""
        ctx, pi = self.ctx, self.atoms.balance
        if isinstance(self.clf, Logistic):
            b = ctx.log(pi / (1 - pi)) if self.free_intercept else ctx.zero
            forces = [1 / (1 + ctx.exp(label * b)) for label in (1, -1)]
        elif isinstance(self.clf, SVM) and not self.free_intercept:
            b = ctx.zero
            forces = [ctx.one, ctx.one]
        elif isinstance(equations.channel, CollapsedChannel):
            forces = [min(ctx.one, (1 - pi) / pi), min(ctx.one, pi / (1 - pi))]
            b = equations.larger * (1 - min(forces))
        else:
            b = 2 * pi - 1 if self.free_intercept else ctx.zero
            forces = [(1 - label * b) / rounding for label in (1, -1)]
        m_hat = pi * forces[0] + (1 - pi) * forces[1]
        q_hat = pi * forces[0] ** 2 + (1 - pi) * forces[1] ** 2
        guess = equations.coordinates(Point(*equations.prior(m_hat, q_hat, ctx.zero), b))
        u = newton(equations, guess)
        if u is None:
            raise ConvergenceError("the solution at a strong penalty was not found")
        return u
