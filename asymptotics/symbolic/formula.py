"""A closed form: an expression over steps, with its range, its numbers and its calculus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from ..checks import check_integer, check_real
from ..outcomes import ConvergenceError
from .parameters import ASPECT_RATIO, PARAMETERS, Expr, check_exact, exact, parameter

__all__ = ["Condition", "Formula", "Step", "plain"]

# γ = 1 ∓ δ in expansions that depend on the side.
_DISTANCE = sp.Symbol("delta_gamma", positive=True)

# Digits beyond those asked for, and how much further the run that they are held against goes.
_GUARD = 20
# The highest power of a parameter that is added to 1: α⁴.
_POWER = 4
_ATTEMPTS = 4


@dataclass(frozen=True)
class Step:
    """One intermediate quantity.

    Attributes
    ----------
    symbol : Symbol
    expression : Expr
        In parameters and earlier steps; what calculus works on.
    meaning : str
        What the quantity is.
    stable : Expr or None
        An equal expression that loses no digits anywhere, where `expression` does.
    relation : Expr or None
        A polynomial in `symbol` that vanishes; the derivative of a root is taken from it.
    """

    symbol: Expr
    expression: Expr
    meaning: str = ""
    stable: Expr | None = None
    relation: Expr | None = None


@dataclass(frozen=True)
class Condition:
    """A joint condition on parameters, and the words that say it is broken.

    `relation` is written in :func:`plain` symbols: those of the parameters are positive by
    assumption, and nothing could be broken.
    """

    relation: Expr
    message: str


def plain(expr: Expr) -> Expr:
    """An expression with assumption-free symbols, named like the arguments, for the parameters."""
    names = {symbol: sp.Symbol(p.name) for symbol, p in PARAMETERS.items()}
    return sp.sympify(expr).xreplace(names)


@dataclass(frozen=True)
class Formula:
    """A number as an expression of named symbols, by way of steps.

    Called with one value for each parameter, by name, it is a NumPy function: arrays broadcast,
    scalars give a float, no digits are lost in any corner, and a value out of range is refused.

    Attributes
    ----------
    name : str
        What it is a formula of.
    result : Expr
        In parameters and the symbols of `steps`.
    steps : tuple of Step
        In the order in which they are derived.
    conditions : tuple of Condition
        Beyond the range of each parameter.

    Examples
    --------
    >>> import asymptotics as asy
    >>> accuracy = asy.symbolic.bayes()
    >>> accuracy.expression
    1 - erfc(sqrt(2)*s/2)/2
    >>> print(accuracy.evaluate(signal=1, dps=30))
    0.841344746068542948585232545632
    """

    name: str
    result: Expr
    steps: tuple[Step, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __repr__(self) -> str:
        lines = [f"  {step.symbol} = {step.expression}" for step in self.steps]
        title = f"{type(self).__name__} {self.name}({', '.join(self.parameters)})"
        return "\n".join([title, *lines, f"  {self.name} = {self.result}"])

    # ------------------------------------------------------------------ what it is

    @cached_property
    def expression(self) -> Expr:
        """The result in parameters alone."""
        return self._explicit(self.result)

    def _explicit(self, expr: Expr) -> Expr:
        for step in reversed(self.steps):
            expr = expr.subs(step.symbol, step.expression)
        return expr

    @cached_property
    def symbols(self) -> tuple[Expr, ...]:
        """The parameters that occur, in the order of their table."""
        free = self.result.free_symbols.union(*(s.expression.free_symbols for s in self.steps))
        return tuple(symbol for symbol in PARAMETERS if symbol in free)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, which are those of the numeric arguments."""
        return tuple(PARAMETERS[symbol].name for symbol in self.symbols)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What every evaluation checks, in words."""
        ranges = [f"{PARAMETERS[s].name} in {PARAMETERS[s].interval}" for s in self.symbols]
        joint = (c.message for c in self.conditions if c.relation != sp.true)
        return (*ranges, *joint)

    def latex(self, explicit: bool = False) -> str:
        """LaTeX of the result: by way of its steps, or in parameters alone if `explicit`."""
        if explicit:
            return rf"\text{{{self.name}}} = {sp.latex(self.expression)}"
        lines = [f"{sp.latex(s.symbol)} &= {sp.latex(s.expression)}" for s in self.steps]
        lines.append(rf"\text{{{self.name}}} &= {sp.latex(self.result)}")
        return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    # ------------------------------------------------------------------ numbers

    def lambdify(self) -> Callable[..., Any]:
        """The NumPy function that calling the formula calls: parameters by name, arrays broadcast.

        Raises
        ------
        TypeError
            For a parameter that is missing, unknown or not a number.
        ValueError
            For a value out of range; the message says which assumption it breaks.
        """
        return self.__call__

    @cached_property
    def _numeric(self) -> list[Callable[..., Any]]:
        """A NumPy function of the parameters and the earlier steps for each step; the result's."""
        known = list(self.symbols)
        functions = []
        for step in self.steps:
            stable = step.expression if step.stable is None else step.stable
            functions.append(sp.lambdify(known, stable, modules="scipy"))
            known.append(step.symbol)
        return [*functions, sp.lambdify(known, self.result, modules="scipy")]

    @cached_property
    def _tests(self) -> list[Callable[..., Any]]:
        """One NumPy predicate for each condition."""
        names = [plain(symbol) for symbol in self.symbols]
        return [sp.lambdify(names, c.relation, modules="numpy") for c in self.conditions]

    def __call__(self, **values: Any) -> Any:
        """The number, or an array of the broadcast shape."""
        self._check_names(values)
        given = {
            symbol: check_real(p.name, values[p.name], p.interval)
            for symbol, p in PARAMETERS.items()
            if symbol in self.symbols
        }
        arrays = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in given.values()))
        for condition, holds in zip(self.conditions, self._tests, strict=True):
            if not np.all(holds(*arrays)):
                raise ValueError(self._broken(condition, values))
        known = list(arrays)
        # Both sides of a Piecewise are computed, the one that is not chosen perhaps out of range.
        with np.errstate(all="ignore"):
            for function in self._numeric:
                known.append(np.asarray(function(*known), dtype=float))
        result = known[-1]
        if arrays and arrays[0].ndim:
            return np.broadcast_to(result, arrays[0].shape).copy()
        return float(result)

    def evaluate(self, dps: int = 30, **values: Any) -> Expr:
        """The number to `dps` correct digits; floats, strings and SymPy numbers are taken as exact.

        Raises
        ------
        TypeError
            For a parameter that is missing or unknown.
        ValueError
            For a value out of range; the message says which assumption it breaks.
        ConvergenceError
            If two working precisions do not agree on `dps` digits.
        """
        digits = check_integer("dps", dps, 1)
        self._check_names(values)
        given = {
            symbol: check_exact(PARAMETERS[symbol], exact(values[PARAMETERS[symbol].name]))
            for symbol in self.symbols
        }
        for condition in self.conditions:
            if not bool(condition.relation.subs({plain(s): v for s, v in given.items()})):
                raise ValueError(self._broken(condition, values))
        # Where powers of small and large parameters meet, so many digits cancel.
        magnitude = sum(abs(sp.log(abs(v), 10).evalf(5)) for v in given.values() if v != 0)
        working = digits + _GUARD + int(_POWER * magnitude)
        last = self._value(given, working)
        for attempt in range(_ATTEMPTS):
            working += _GUARD if attempt == 0 else working
            value = self._value(given, working)
            if value == last:  # infinite ones too
                return sp.Float(value, digits) if value.is_finite else sp.sympify(value)
            close = abs(value) * sp.Float(10, working) ** (-digits - 1)
            if value.is_finite and last.is_finite and abs(value - last) <= close:
                return sp.Float(value, digits)
            last = value
        raise ConvergenceError(f"{digits} digits of {self.name} were not reached")

    def _value(self, given: Mapping[Expr, Expr], digits: int) -> Expr:
        known = dict(given)
        for step in self.steps:
            known[step.symbol] = step.expression.subs(known).evalf(digits)
        return sp.Float(self.result.subs(known).evalf(digits), digits)

    def _check_names(self, values: Mapping[str, Any]) -> None:
        missing = [name for name in self.parameters if name not in values]
        unknown = [name for name in values if name not in self.parameters]
        if missing or unknown:
            raise TypeError(
                f"{self.name} takes {', '.join(self.parameters) or 'no parameters'}, "
                f"got {', '.join(values) or 'none'}"
            )

    def _broken(self, condition: Condition, values: Mapping[str, Any]) -> str:
        names = sorted(str(symbol) for symbol in condition.relation.free_symbols)
        got = ", ".join(f"{name} = {values[name]!r}" for name in names)
        return f"{condition.message}, got {got}"

    # ------------------------------------------------------------------ calculus

    def diff(self, by: str | Expr) -> Formula:
        """The derivative with respect to a parameter, given by its name or its symbol.

        It goes forward through the steps: a root is differentiated by way of the polynomial that it
        solves, so that the derivative loses no more digits than the formula.
        """
        symbol = self._symbol(by)
        steps: list[Step] = []
        inner: dict[Expr, Expr] = {}

        def total(expr: Expr) -> Expr:
            chain = (expr.diff(s) * d for s, d in inner.items() if expr.has(s))
            return sp.Add(expr.diff(symbol), *chain)

        for step in self.steps:
            if step.relation is None:
                derivative = total(step.expression)
            else:
                derivative = -total(step.relation) / step.relation.diff(step.symbol)
            steps.append(step)
            if derivative != 0:
                prime = sp.Symbol(rf"\partial_{{{sp.latex(symbol)}}} {{{step.symbol}}}", real=True)
                steps.append(Step(prime, derivative, f"derivative of {step.symbol}"))
                inner[step.symbol] = prime
        name = f"d {self.name} / d {PARAMETERS[symbol].name}"
        return Formula(name, total(self.result), tuple(steps), self.conditions)

    def series(
        self, by: str | Expr, at: Any = 0, terms: int = 3, *, below: bool | None = None
    ) -> Formula:
        """The Taylor polynomial in a parameter about a point, without its error term.

        Parameters
        ----------
        by : str or Symbol
            The parameter.
        at : number or oo
            The point; at infinity the polynomial is in the inverse of the parameter.
        terms : int, default 3
            Number of powers, the constant one among them.
        below : bool, optional
            Whether γ < 1 or γ > 1: needed where an expansion differs there (small penalties).

        Returns
        -------
        Formula
            By way of those steps in which the parameter does not occur.

        Raises
        ------
        ValueError
            If the formula is not analytic at the point, or the side of γ = 1 is needed.
        """
        symbol = self._symbol(by)
        count = check_integer("terms", terms, 1)
        point = sp.sympify(at)
        small = sp.Symbol("epsilon", positive=True)
        where = {symbol: 1 / small if point is sp.oo else point + small}
        back = {}
        conditions = self.conditions
        if below is not None:
            where[ASPECT_RATIO] = 1 - _DISTANCE if below else 1 + _DISTANCE
            back[_DISTANCE] = 1 - ASPECT_RATIO if below else ASPECT_RATIO - 1
            side = plain(ASPECT_RATIO) < 1 if below else plain(ASPECT_RATIO) > 1
            words = f"aspect_ratio must be {'below' if below else 'above'} 1"
            conditions = (*conditions, Condition(side, words))
        kept, coefficients = self._taylor(symbol, where, small, count)
        variable = 1 / symbol if point is sp.oo else symbol - point
        terms_found = (
            _shortest(c.subs(back), kept) * variable**k for k, c in enumerate(coefficients)
        )
        found = Formula(f"{self.name} near {symbol} = {point}", sp.Add(*terms_found), kept)
        names = {plain(s) for s in found.symbols}
        return replace(
            found, conditions=tuple(c for c in conditions if c.relation.free_symbols <= names)
        )

    def limit(self, by: str | Expr, at: Any, *, below: bool | None = None) -> Formula:
        """The value at an end of a parameter's range, as a formula in the others."""
        return self.series(by, at, 1, below=below)

    def _taylor(
        self, symbol: Expr, where: Mapping[Expr, Expr], small: Expr, count: int
    ) -> tuple[tuple[Step, ...], list[Expr]]:
        """The steps that stay, and the coefficients in ε: step after step as a polynomial in ε."""
        kept: list[Step] = []
        moved: dict[Expr, Expr] = {}
        explicit: dict[Expr, Expr] = {}
        for step in self.steps:
            if not step.expression.has(symbol, *moved):
                kept.append(step)
                continue
            expression = sp.together(step.expression.subs(where))
            explicit[step.symbol] = expression.subs(explicit)
            if step.relation is None:
                coefficients = _coefficients(expression.subs(moved), small, count)
                moved[step.symbol] = sum(c * small**k for k, c in enumerate(coefficients))
            else:
                start = sp.limit(explicit[step.symbol], small, 0, "+")
                relation = sp.numer(sp.together(step.relation.subs(where))).subs(moved)
                moved[step.symbol] = _root(relation, step.symbol, start, small, count)
        coefficients = _coefficients(self.result.subs(where).subs(moved), small, count)
        return _needed(kept, sp.Add(*coefficients)), coefficients

    def _symbol(self, by: str | Expr) -> Expr:
        symbol = parameter(by).symbol if isinstance(by, str) else by
        if symbol not in self.symbols:
            raise ValueError(f"by must be one of {', '.join(self.parameters)}, got {by}")
        return symbol


def _needed(steps: list[Step], result: Expr) -> tuple[Step, ...]:
    """Those steps that a result goes by."""
    wanted = set(result.free_symbols)
    found: list[Step] = []
    for step in reversed(steps):
        if step.symbol in wanted:
            found.append(step)
            wanted |= step.expression.free_symbols
            wanted |= step.stable.free_symbols if step.stable is not None else set()
    return tuple(reversed(found))


def _shortest(expr: Expr, steps: tuple[Step, ...]) -> Expr:
    """Simplified, with steps like 1 - η written out where that helps."""
    simple = min(expr, _tidy(expr), key=sp.count_ops)
    for step in steps:
        if step.expression.is_polynomial() and simple.has(step.symbol):
            candidate = _tidy(simple.subs(step.symbol, step.expression))
            simple = min(simple, candidate, key=sp.count_ops)
    return simple


def _tidy(expr: Expr) -> Expr:
    """Sorted by the exponentials and error functions in it, with factored coefficients.

    It finds what SymPy's simplify finds here, in a tenth of its time.
    """
    groups: dict[Expr, Expr] = {}
    for term in sp.Add.make_args(sp.expand_mul(expr)):
        special, plain_part = sp.S.One, sp.S.One
        for factor in sp.Mul.make_args(term):
            if factor.has(sp.exp, sp.erfc, sp.erf):
                special *= factor
            else:
                plain_part *= factor
        special = special.replace(sp.exp, lambda exponent: sp.exp(sp.factor(exponent)))
        groups[special] = groups.get(special, sp.S.Zero) + plain_part
    return sp.Add(*(special * sp.factor(sp.together(rest)) for special, rest in groups.items()))


def _coefficients(expr: Expr, small: Expr, count: int) -> list[Expr]:
    """The first `count` Taylor coefficients of an expression at ε = 0."""
    found = []
    for k in range(count):
        value = expr.subs(small, 0)
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            raise ValueError("at must be a point where the formula is analytic")
        found.append(_tidy(value) / sp.factorial(k))
        expr = expr.diff(small)
    return found


def _root(relation: Expr, symbol: Expr, start: Expr, small: Expr, count: int) -> Expr:
    """The root of a polynomial relation near `start`, as a polynomial in ε: one power at a time."""
    start = sp.simplify(start)
    slope = relation.diff(symbol).subs({symbol: start, small: 0})
    root = start
    for k in range(1, count):
        missing = sp.expand(relation.subs(symbol, root)).coeff(small, k)
        root -= _tidy(missing / slope) * small**k
    return root
