"""Grids that are solved coarse to fine: the same answers in any order, of any part, to rounding."""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.questions import limits
from asymptotics.questions.coarse_to_fine import spline_starts

NUMBERS = ["accuracy", "mean", "variance", "susceptibility"]
SPIKES = [asy.Spike(4.0, 0.5)]
PENALTIES = np.geomspace(1e-3, 10.0, 24)[:, None]
GAMMAS = np.geomspace(0.1, 5.0, 25)
CLASSIFIERS = [asy.Logistic, asy.SVM, asy.SquaredHinge]
MIXTURES = [
    asy.SpikedMixture(1.5),
    asy.SpikedMixture(1.5, balance=0.3),
    asy.SpikedMixture(1.5, spikes=SPIKES, balance=0.3),
]


def agree(one, other):
    for name in NUMBERS:
        left, right = np.asarray(getattr(one, name)), np.asarray(getattr(other, name))
        assert np.array_equal(np.isnan(left), np.isnan(right)), name
        np.testing.assert_allclose(left, right, rtol=2e-12, atol=1e-300, err_msg=name)


@pytest.mark.parametrize("mix", MIXTURES, ids=["balanced", "unbalanced", "spiked"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_order_does_not_matter(mix, kind):
    grid = asy.limit(mix, kind(PENALTIES), GAMMAS)
    assert np.all(grid.residual < 1e-12)
    turned = asy.limit(mix, kind(PENALTIES[:, 0]), GAMMAS[:, None])
    agree(asy.limit(mix, kind(PENALTIES[::-1]), GAMMAS), _index(grid, np.s_[::-1]))
    agree(turned, _index(grid, lambda a: a.T))
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(PENALTIES)), rng.permutation(len(GAMMAS))
    agree(
        asy.limit(mix, kind(PENALTIES[rows]), GAMMAS[columns]),
        _index(grid, np.ix_(rows, columns)),
    )
    for i, j in [(0, 0), (5, 13), (23, 24)]:
        agree(asy.limit(mix, kind(PENALTIES[i, 0]), GAMMAS[j]), _index(grid, (i, j)))


class _index:
    """Part of the numbers of a limit."""

    def __init__(self, lim, index):
        for name in NUMBERS:
            values = getattr(lim, name)
            setattr(self, name, index(values) if callable(index) else values[index])


def test_where_some_limits_do_not_exist(monkeypatch):
    signals = np.linspace(0.5, 2.0, 30)[:, None]
    gammas = np.linspace(0.02, 1.0, 31)
    mix = asy.SpikedMixture(signals)
    grid = asy.limit(mix, asy.MaxMargin(), gammas, throw=False)
    monkeypatch.setattr(limits, "spline_starts", lambda *_: None)
    plain = asy.limit(mix, asy.MaxMargin(), gammas, throw=False)
    assert 0 < np.isnan(plain.accuracy).sum() < plain.accuracy.size
    agree(grid, plain)
    assert np.array_equal(grid.status, plain.status)


def test_without_signal_and_without_penalty(monkeypatch):
    mix = asy.SpikedMixture(np.linspace(0.0, 2.0, 30)[:, None])
    clf = asy.Logistic(np.where(np.arange(31) % 10, 0.1, 0.0))
    grid = asy.limit(mix, clf, 0.2, throw=False)
    monkeypatch.setattr(limits, "spline_starts", lambda *_: None)
    agree(grid, asy.limit(mix, clf, 0.2, throw=False))


def test_a_start_is_only_a_start(monkeypatch):
    """The control: starts that are far off change no answer."""
    mix, clf = MIXTURES[2], asy.Logistic(PENALTIES)
    right = asy.limit(mix, clf, GAMMAS)
    monkeypatch.setattr(
        limits, "spline_starts", lambda solve, shape: np.full((int(np.prod(shape)), 4), 3.0)
    )
    agree(asy.limit(mix, clf, GAMMAS), right)


def test_the_spline_goes_through_what_was_solved():
    shape = (30, 3, 20)
    place = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=-1)
    smooth = np.stack(
        [np.sin(place @ [0.05, 0.5, 0.04]), place[:, 1], place[:, 0] ** 3, place[:, 2]], axis=-1
    )
    solved = []

    def solve(index):
        solved.append(index)
        return smooth[index]

    starts = spline_starts(solve, shape)
    assert len(solved[0]) < 0.1 * len(smooth)
    np.testing.assert_allclose(starts[solved[0]], smooth[solved[0]], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(starts, smooth, atol=5e-3)
    assert spline_starts(solve, (7, 10)) is None and spline_starts(solve, ()) is None
