"""Identities and limits that hold exactly, whatever the solver.

Tolerances: 1e-12 for closed expressions and for fixed points alike (the solver stops at residuals of
1e-13); where a limit is approached, the distance at a stated rate.
"""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm, ortho_group

import asymptotics as asy

EXACT = 1e-12

PENALISED = [asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge]
LEARNED = [kind(0.2) for kind in PENALISED] + [asy.MaxMargin(), asy.MinNorm(), asy.Centroid()]
ALL = [*LEARNED, asy.Bayes()]


def name(value):
    return value.__name__ if isinstance(value, type) else type(value).__name__


every = pytest.mark.parametrize("clf", ALL, ids=name)
learned = pytest.mark.parametrize("clf", LEARNED, ids=name)
penalised = pytest.mark.parametrize("kind", PENALISED, ids=name)


def mixture(signal=1.3, balance=0.3, noise=0.8):
    spikes = [asy.Spike(4.0, 0.5), asy.Spike(-0.5, -0.3)]
    return asy.SpikedMixture(signal, noise, spikes, balance)


def gaussian(p, seed, balance=0.4):
    rng = np.random.default_rng(seed)
    basis = ortho_group.rvs(p, random_state=rng)
    covariance = basis * np.exp(rng.normal(size=p)) @ basis.T
    return asy.GaussianMixture(rng.normal(size=p) / np.sqrt(p) * 1.5, covariance, balance)


def same(
    one, other, fields=("accuracy", "mean", "variance", "intercept", "susceptibility"), tol=EXACT
):
    for field in fields:
        np.testing.assert_allclose(
            getattr(one, field), getattr(other, field), rtol=tol, atol=tol, err_msg=field
        )


DIRECTION = ("accuracy", "train_accuracy")


def signal_to_noise(lim):
    return lim.mean / np.sqrt(lim.variance)


# symmetries


@every
@pytest.mark.parametrize("alignment", [1.0, 0.4, -0.8, 0.0])
def test_gain_1_is_the_identity(clf, alignment):
    plain = asy.limit(mixture(), clf, 1.4)
    same(asy.limit(mixture(), clf, 1.4, asy.Identity()), plain, tol=0)
    same(asy.limit(mixture(), clf, 1.4, asy.Expansion(1.0, alignment)), plain)
    same(asy.limit(mixture(), clf, 1.4, asy.Expansion(1.0, spike=1)), plain)
    same(asy.limit(mixture(), clf, 1.4, asy.Power(0.0)), plain)


@every
def test_gain_1_on_a_matrix(clf):
    mix = gaussian(12, 0)
    plain = asy.limit(mix, clf, 1.4)
    for projector in (asy.Expansion(1.0), asy.Power(0.0), asy.LinearMap(np.eye(12))):
        same(asy.limit(mix, clf, 1.4, projector), plain)


@every
def test_a_rotation_changes_nothing(clf):
    mix = gaussian(15, 1)
    q = ortho_group.rvs(15, random_state=np.random.default_rng(2))
    rotated = asy.GaussianMixture(q @ mix.mean, q @ mix.covariance @ q.T, mix.balance)
    for projector in (asy.Identity(), asy.Expansion(2.5), asy.Power(-0.3)):
        same(asy.limit(rotated, clf, 1.4, projector), asy.limit(mix, clf, 1.4, projector))
    same(asy.limit(mix, clf, 1.4, asy.LinearMap(q)), asy.limit(mix, clf, 1.4))


@every
def test_a_matrix_is_its_spectrum(clf):
    mix = gaussian(15, 3)
    eigenvalues, basis = np.linalg.eigh(mix.covariance)
    by_hand = asy.Spectrum(eigenvalues, np.full(15, 1 / 15), (basis.T @ mix.mean) ** 2, mix.balance)
    same(asy.limit(mix, clf, 1.4), asy.limit(by_hand, clf, 1.4))


@every
def test_a_spiked_mixture_is_its_spectrum(clf):
    mix = mixture()
    first, second = (np.array([s.alignment, *np.zeros(2)]) for s in mix.spikes)
    first[1], second[2] = (np.sqrt(1 - s.alignment**2) for s in mix.spikes)
    block = np.eye(3) + 4.0 * np.outer(first, first) - 0.5 * np.outer(second, second)
    eigenvalues, basis = np.linalg.eigh(mix.noise**2 * block)
    by_hand = asy.Spectrum(
        [*eigenvalues, mix.noise**2], [0, 0, 0, 1], [*(mix.signal * basis[0]) ** 2, 0], mix.balance
    )
    same(asy.limit(mix, clf, 1.4), asy.limit(by_hand, clf, 1.4))


@every
def test_copies_of_a_population_side_by_side(clf):
    """Three independent copies of the features, the signal shared out: the same spectrum."""
    mix = gaussian(8, 4)
    tripled = asy.GaussianMixture(
        np.tile(mix.mean, 3) / np.sqrt(3), np.kron(np.eye(3), mix.covariance), mix.balance
    )
    same(asy.limit(tripled, clf, 1.4), asy.limit(mix, clf, 1.4))


@every
def test_label_flip(clf):
    one = asy.limit(mixture(balance=0.3), clf, 1.4, asy.Expansion(2.0, 0.6))
    other = asy.limit(mixture(balance=0.7), clf, 1.4, asy.Expansion(2.0, 0.6))
    same(one, other, ("accuracy", "mean", "variance", "susceptibility", "train_accuracy"))
    same(one, dataclasses.replace(other, intercept=-other.intercept))


@every
def test_the_sign_of_an_alignment_is_a_name(clf):
    plain = asy.limit(mixture(), clf, 1.4, asy.Expansion(2.0, 0.6))
    same(asy.limit(mixture(), clf, 1.4, asy.Expansion(2.0, -0.6)), plain)
    flipped = asy.SpikedMixture(1.3, 0.8, [asy.Spike(4.0, -0.5), asy.Spike(-0.5, 0.3)], 0.3)
    same(asy.limit(flipped, clf, 1.4, asy.Expansion(2.0, 0.6)), plain)


@penalised
def test_a_change_of_units_rescales_the_penalty(kind):
    """z → cz and λ → c²λ: the same margins."""
    c = 37.0
    one = asy.limit(mixture(), kind(0.2), 1.4, asy.Expansion(2.0, 0.6))
    other = asy.limit(
        mixture(1.3 * c, 0.3, 0.8 * c), kind(0.2 * c**2), 1.4, asy.Expansion(2.0, 0.6)
    )
    same(one, other)
    mix = gaussian(6, 5)
    same(
        asy.limit(mix, kind(0.2 * c**2), 1.4, asy.LinearMap(c * np.eye(6))),
        asy.limit(mix, kind(0.2), 1.4),
    )


@every
def test_a_direction_without_signal_or_samples_does_not_count(clf):
    """A spike orthogonal to the signal is one of infinitely many directions."""
    plain = asy.limit(asy.SpikedMixture(1.3, balance=0.3), clf, 1.4)
    spiked = asy.SpikedMixture(1.3, balance=0.3, spikes=[asy.Spike(50.0, 0.0)])
    same(asy.limit(spiked, clf, 1.4), plain)
    same(asy.limit(asy.SpikedMixture(1.3, balance=0.3), clf, 1.4, asy.Expansion(9.0, 0.0)), plain)


# projectors


@every
def test_projectors_compose(clf):
    mix = mixture()

    def solve(projector):
        return asy.limit(mix, clf, 1.4, projector)

    same(solve(asy.Expansion(2.0) @ asy.Expansion(3.0)), solve(asy.Expansion(6.0)))
    same(solve(asy.Expansion(4.0, spike=0) @ asy.Expansion(0.25, spike=0)), solve(asy.Identity()))
    same(solve(asy.Power(0.7) @ asy.Power(-0.3)), solve(asy.Power(0.4)))
    same(solve(asy.Power(-0.7) @ asy.Power(0.7)), solve(asy.Identity()))
    chain = asy.Expansion(2.0), asy.Power(0.3), asy.Expansion(0.5, spike=1)
    same(solve((chain[0] @ chain[1]) @ chain[2]), solve(chain[0] @ (chain[1] @ chain[2])))


@every
def test_a_composition_is_a_product_of_matrices(clf):
    mix = gaussian(9, 6)
    outer, inner = asy.Power(0.4), asy.Expansion(3.0)
    matrix = np.random.default_rng(7).normal(size=(9, 9))
    product = outer.on_coordinates(mix) @ inner.on_coordinates(mix) @ matrix
    composed = outer @ inner @ asy.LinearMap(matrix)
    same(asy.limit(mix, clf, 1.4, composed), asy.limit(mix, clf, 1.4, asy.LinearMap(product)))
    other_way = asy.limit(mix, clf, 1.4, asy.LinearMap(matrix) @ inner @ outer)
    if not isinstance(clf, asy.Bayes):  # the negative control: the order matters
        assert abs(other_way.mean - asy.limit(mix, clf, 1.4, composed).mean) > 1e-6


@every
def test_power_on_an_isotropic_bulk_is_an_expansion(clf):
    """(E hhᵀ/σ²)^a multiplies the signal's direction by (1 + s²/σ²)^a."""
    mix = asy.SpikedMixture(1.3, 0.8, balance=0.3)
    for exponent in (-0.5, 0.25, 1.5):
        gain = (1 + (1.3 / 0.8) ** 2) ** exponent
        same(
            asy.limit(mix, clf, 1.4, asy.Power(exponent)),
            asy.limit(mix, clf, 1.4, asy.Expansion(gain)),
        )


def test_power_minus_a_half_whitens():
    mix = gaussian(9, 8)
    t = asy.Power(-0.5).on_coordinates(mix)
    second_moment = mix.covariance + np.outer(mix.mean, mix.mean)
    white = t @ second_moment @ t.T / mix.noise**2
    np.testing.assert_allclose(white, np.eye(9), rtol=0, atol=EXACT)
    # on a frame: covariance and mean of z add up to σ²I, whatever the spikes
    after = mixture().spectrum(asy.Power(-0.5))
    np.testing.assert_allclose(
        np.sort(after.eigenvalues)[1:], mixture().noise ** 2, rtol=EXACT
    )  # all but the direction of the mean
    low = after.eigenvalues.argmin()
    np.testing.assert_allclose(after.eigenvalues[low] + after.energies[low], 0.64, rtol=EXACT)
    np.testing.assert_allclose(np.delete(after.energies, low), 0.0, atol=EXACT)


@every
def test_gain_0_removes_a_direction(clf):
    mix = gaussian(9, 9)
    u = mix.mean / np.linalg.norm(mix.mean)
    rest = np.linalg.svd(np.eye(9) - np.outer(u, u))[2][:8]  # a basis of what is orthogonal to μ
    removed = asy.limit(mix, clf, 1.6, asy.Expansion(0.0))
    same(removed, asy.limit(mix, clf, 1.6, asy.LinearMap(rest)))
    silent = asy.GaussianMixture(np.zeros(8), rest @ mix.covariance @ rest.T, mix.balance)
    same(removed, asy.limit(silent, clf, 1.6 * 8 / 9))


@every
def test_gain_0_along_a_spike(clf):
    """What is left of the signal is orthogonal to the spike, and isotropic."""
    mix = asy.SpikedMixture(1.3, 0.8, [asy.Spike(4.0, 0.6)], 0.3)
    rest = asy.SpikedMixture(1.3 * 0.8, 0.8, balance=0.3)
    same(asy.limit(mix, clf, 1.4, asy.Expansion(0.0, spike=0)), asy.limit(rest, clf, 1.4))
    # an expansion with the alignment of its own does the same to an isotropic mixture
    plain = asy.SpikedMixture(1.3, 0.8, balance=0.3)
    same(asy.limit(plain, clf, 1.4, asy.Expansion(0.0, 0.6)), asy.limit(rest, clf, 1.4))


@every
def test_gain_0_is_the_limit_of_small_gains(clf):
    mix = asy.SpikedMixture(1.3, 0.8, [asy.Spike(4.0, 0.6)], 0.3)
    zero = asy.limit(mix, clf, 1.4, asy.Expansion(0.0, 0.7)).accuracy
    near = asy.limit(mix, clf, 1.4, asy.Expansion(np.array([1e-2, 1e-3]), 0.7)).accuracy
    if isinstance(clf, asy.Bayes):  # sees no invertible map, but sees the direction go
        assert near[0] - zero > 0.01
    else:  # of second order in the gain
        assert 50 < (near[0] - zero) / (near[1] - zero) < 200


@every
def test_a_map_into_fewer_dimensions(clf):
    """Half of the coordinates dropped: the marginal population at half the aspect ratio."""
    mix = gaussian(12, 10)
    kept = asy.LinearMap(np.eye(12)[:6])
    marginal = asy.GaussianMixture(mix.mean[:6], mix.covariance[:6, :6], mix.balance)
    same(asy.limit(mix, clf, 2.4, kept), asy.limit(marginal, clf, 1.2))
    assert asy.separability_threshold(mix, projector=kept) == pytest.approx(
        2 * asy.separability_threshold(marginal), rel=EXACT
    )


@learned
def test_explicit_coordinates_differ_by_one_over_p(clf):
    """In R^p the special directions take a share of the spectrum: the error halves as p doubles."""
    mix, projector = mixture(), asy.Expansion(2.0)
    exact = asy.limit(mix, clf, 1.4, projector).accuracy
    errors = [
        asy.limit(mix.realise(p), clf, 1.4, projector).accuracy - exact for p in (100, 200, 400)
    ]
    assert abs(errors[0]) < 0.05
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.05)


def test_bayes_does_not_care_about_p():
    exact = asy.limit(mixture(), asy.Bayes(), 1.4)
    same(asy.limit(mixture().realise(30), asy.Bayes(), 1.4), exact)


# zero signal


@every
def test_zero_signal_is_a_coin_toss(clf):
    for balance, fit_intercept in ((0.5, True), (0.5, False), (0.3, False)):
        mix = asy.SpikedMixture(0.0, 0.8, [asy.Spike(4.0, 0.5)], balance)
        for projector in (asy.Identity(), asy.Expansion(3.0), asy.Expansion(0.2, 0.5)):
            lim = asy.limit(
                mix, dataclasses.replace(clf, fit_intercept=fit_intercept), 1.4, projector
            )
            assert lim.accuracy == lim.error == 0.5
            assert lim.mean == lim.intercept == 0.0


@every
def test_zero_signal_leaves_the_intercept(clf):
    lim = asy.limit(asy.SpikedMixture(0.0, balance=0.3), clf, 1.4)
    t = lim.intercept / np.sqrt(lim.variance) if lim.variance else -np.inf
    assert lim.mean == 0.0
    assert lim.intercept < 0
    assert lim.accuracy == pytest.approx(0.3 * norm.cdf(t) + 0.7 * norm.cdf(-t), rel=EXACT)
    assert 0.5 < lim.accuracy <= 0.7


@every
def test_zero_signal_is_the_limit_of_small_signals(clf):
    signals = np.array([0.0, 1e-5, 1e-4])
    for balance in (0.5, 0.3):
        lim = asy.limit(asy.SpikedMixture(signals, balance=balance), clf, 1.4)
        # of first order, for Bayes, or of second
        assert np.all(np.abs(lim.accuracy - lim.accuracy[0]) <= signals)


# strong and weak penalties


@penalised
@pytest.mark.parametrize(("balance", "fit_intercept"), [(0.5, True), (0.5, False), (0.3, False)])
def test_strong_penalty_is_the_centroid(kind, balance, fit_intercept):
    """w → (1/nλ) Σ y_i z_i (-ℓ'(0)): the mean of y z, when no intercept unbalances the classes."""
    mix, projector = mixture(balance=balance), asy.Expansion(2.0, 0.6)
    centroid = asy.limit(mix, asy.Centroid(fit_intercept), 1.4, projector)
    near = asy.limit(mix, kind(np.array([1e4, 1e5, 1e6]), fit_intercept), 1.4, projector)
    gaps = np.abs(near.accuracy - centroid.accuracy)
    if kind is asy.SVM:  # all margins are on the linear branch: nothing is left to converge
        assert gaps.max() < EXACT
    else:  # of first order in 1/λ
        assert gaps[0] < 1e-2
        np.testing.assert_allclose(gaps[:2] / gaps[1:], 10.0, rtol=0.02)


@pytest.mark.parametrize("kind", [asy.Ridge, asy.Logistic, asy.SquaredHinge], ids=name)
def test_strong_penalty_with_an_unbalanced_intercept(kind):
    """The direction is the centroid's: the intercept gives both classes the same total weight. But it
    does not shrink as the weights do: in the end the answer is the larger class.
    """
    mix = mixture(balance=0.3)
    centroid = signal_to_noise(asy.limit(mix, asy.Centroid(), 1.4))
    near = asy.limit(mix, kind(np.array([1e4, 1e5, 1e6])), 1.4)
    gaps = np.abs(signal_to_noise(near) - centroid)
    np.testing.assert_allclose(gaps[:2] / gaps[1:], 10.0, rtol=0.02)
    assert near.accuracy[2] == pytest.approx(0.7, abs=EXACT)
    expected = np.log(0.3 / 0.7) if kind is asy.Logistic else -0.4
    assert near.intercept[2] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.3, 0.9, 1.1, 4.0])
@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_ridge_without_penalty_is_the_minimum_norm(gamma, balance):
    mix, projector = mixture(balance=balance), asy.Expansion(2.0, 0.6)
    exact = asy.limit(mix, asy.MinNorm(), gamma, projector)
    near = asy.limit(mix, asy.Ridge(np.array([1e-6, 1e-7, 1e-13])), gamma, projector)
    fields = ("accuracy", "mean", "variance", "intercept", "train_accuracy", "train_loss")
    for field in fields:
        gaps = np.abs(getattr(near, field) - getattr(exact, field))
        assert gaps[0] < 0.01
        assert gaps[2] < 1e-9
        if gaps[1] > 1e-12:  # of first order in the penalty, some of second
            order = np.log10(gaps[0] / gaps[1])
            assert order == pytest.approx(round(order), abs=0.01)
            assert order > 0.99
    if gamma < 1:
        same(asy.limit(mix, asy.Ridge(0.0), gamma, projector), exact)


@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_weak_penalty_is_the_maximum_margin(balance):
    """On separable data, for the direction (m, b)/√q; not the length, for the logistic loss."""
    mix, projector = mixture(balance=balance), asy.Expansion(2.0, 0.6)
    exact = asy.limit(mix, asy.MaxMargin(), 1.4, projector)

    def gaps(kind, penalties):
        return np.abs(
            asy.limit(mix, kind(np.array(penalties)), 1.4, projector).accuracy - exact.accuracy
        )

    # beyond the largest dual coefficient, which a Gaussian tail makes a matter of e^{-1/λ²}
    assert gaps(asy.SVM, [1e-2, 1e-4]).max() < EXACT
    squared = gaps(asy.SquaredHinge, [1e-4, 1e-5, 1e-6])
    np.testing.assert_allclose(squared[:2] / squared[1:], 10.0, rtol=0.01)  # of first order
    # 1/log(1/λ): some orders of magnitude of the penalty for every halving
    logistic = gaps(asy.Logistic, [1e-3, 1e-6, 1e-12, 1e-24])
    assert np.all(np.diff(logistic) < 0)
    assert logistic[0] < 0.02
    assert 1.6 < logistic[2] / logistic[3] < 2.4


@pytest.mark.parametrize("kind", [asy.Logistic, asy.SVM, asy.SquaredHinge], ids=name)
@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_weak_penalty_on_inseparable_data(kind, balance):
    mix, projector = mixture(balance=balance), asy.Expansion(2.0, 0.6)
    gamma = 0.5 * asy.separability_threshold(mix)
    exact = asy.limit(mix, kind(0.0), gamma, projector)
    near = asy.limit(mix, kind(np.array([1e-5, 1e-6])), gamma, projector)
    gaps = np.abs(near.accuracy - exact.accuracy)
    assert gaps[0] < 1e-3
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize(
    "clf",
    [
        asy.Ridge(0.0),
        asy.Logistic(0.0),
        asy.SVM(0.0),
        asy.SquaredHinge(0.0),
        asy.MinNorm(),
        asy.Bayes(),
    ],
    ids=name,
)
def test_without_penalty_no_invertible_projector_is_seen(clf):
    fields = ("accuracy", "mean", "variance", "intercept", "train_accuracy", "train_loss")
    mix = mixture()
    gamma = 0.5 * asy.separability_threshold(mix)
    plain = asy.limit(mix, clf, gamma)
    for projector in (
        asy.Expansion(0.01),
        asy.Expansion(100.0, 0.3),
        asy.Expansion(5.0, spike=1),
        asy.Power(-1.3),
        asy.Power(0.6) @ asy.Expansion(0.1, -0.5),
    ):
        same(asy.limit(mix, clf, gamma, projector), plain, fields, 1e-11)
    mix = gaussian(9, 11)
    gamma = 0.5 * asy.separability_threshold(mix)
    matrix = np.random.default_rng(12).normal(size=(9, 9))
    same(
        asy.limit(mix, clf, gamma, asy.LinearMap(matrix)), asy.limit(mix, clf, gamma), fields, 1e-11
    )
    # the negative control: with a penalty it is
    if hasattr(clf, "penalty"):
        seen = [
            asy.limit(mix, type(clf)(0.1), gamma, t).accuracy for t in (None, asy.LinearMap(matrix))
        ]
        assert abs(seen[0] - seen[1]) > 1e-4
