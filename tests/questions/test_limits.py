"""What limit() returns, what it refuses and how it broadcasts; test_fixed_point.py checks the numbers."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import asymptotics as asy
from asymptotics import Status

FIELDS = [field.name for field in dataclasses.fields(asy.results.Limit)]
NUMBERS = [name for name in FIELDS if name != "status"]

CLASSIFIERS = [
    asy.Ridge(0.1),
    asy.Logistic(0.1),
    asy.SVM(0.1),
    asy.SquaredHinge(0.1),
    asy.MaxMargin(),
    asy.MinNorm(),
    asy.Centroid(),
    asy.Bayes(),
]
# Penalty-free classifiers, and what is wrong with them on the other side of the threshold.
PENALTY_FREE = [
    (asy.Logistic(0.0), Status.SEPARABLE),
    (asy.SVM(0.0), Status.SEPARABLE),
    (asy.SquaredHinge(0.0), Status.SEPARABLE),
    (asy.Ridge(0.0), Status.UNDETERMINED),
]

by_name = pytest.mark.parametrize("clf", CLASSIFIERS, ids=lambda clf: type(clf).__name__)


def agree(grid, index, single, tolerance=1e-13):
    """One element of a grid against the same limit alone: the last digits of an iteration."""
    for name in NUMBERS:
        if name != "residual":
            a, b = getattr(grid, name)[index], getattr(single, name)
            assert a == pytest.approx(b, rel=tolerance, abs=tolerance), (name, index)
    assert grid.status[index] == single.status


# results


@by_name
def test_scalars_stay_scalars(clf):
    for gamma in (2, 2.0, np.float64(2), np.array(2.0)):
        lim = asy.limit(asy.SpikedMixture(1.5), clf, gamma)
        assert all(type(getattr(lim, name)) is float for name in NUMBERS)
        assert type(lim.status) is Status


@by_name
def test_arrays_stay_arrays(clf):
    for shape in ((1,), (1, 1), (3,), (2, 3)):
        lim = asy.limit(asy.SpikedMixture(1.5), clf, np.full(shape, 2.0))
        for name in NUMBERS:
            assert getattr(lim, name).shape == shape
            assert getattr(lim, name).dtype == np.float64
        assert lim.status.shape == shape
        assert set(lim.status.ravel()) == {"converged"}


@by_name
def test_every_field_is_sane(clf):
    for balance in (0.5, 0.2):
        lim = asy.limit(asy.SpikedMixture(1.5, balance=balance), clf, np.array([0.7, 3.0]))
        assert np.all((lim.accuracy > 0.5) & (lim.accuracy < 1))
        np.testing.assert_allclose(lim.accuracy + lim.error, 1.0, rtol=1e-15)
        assert np.all((lim.train_accuracy >= lim.accuracy - 1e-15) & (lim.train_accuracy <= 1))
        assert np.all(lim.variance > 0)
        assert np.all(lim.susceptibility >= 0)
        assert np.all(lim.residual <= 1e-9)
        if balance == 0.5:
            assert np.all(lim.intercept == 0)
        else:  # the smaller class is +1: the boundary moves away from the larger one
            assert np.all(lim.intercept < 0)


def test_accuracy_is_that_of_the_order_parameters():
    from scipy.stats import norm

    lim = asy.limit(asy.SpikedMixture(1.5, balance=0.2), asy.Logistic(0.1), 0.5)
    scale = np.sqrt(lim.variance)
    expected = 0.2 * norm.cdf((lim.mean + lim.intercept) / scale) + 0.8 * norm.cdf(
        (lim.mean - lim.intercept) / scale
    )
    assert lim.accuracy == pytest.approx(expected, rel=1e-14)


def test_a_small_error_keeps_its_digits():
    from scipy.stats import norm

    lim = asy.limit(asy.SpikedMixture(20.0), asy.Bayes(), 1.0)
    assert lim.accuracy == 1.0
    assert lim.error == pytest.approx(norm.sf(20.0), rel=1e-12)


def test_no_intercept_without_fit_intercept():
    for clf in CLASSIFIERS:
        alone = dataclasses.replace(clf, fit_intercept=False)
        assert asy.limit(asy.SpikedMixture(1.5, balance=0.2), alone, 2.0).intercept == 0.0


def test_limit_is_immutable():
    lim = asy.limit(asy.SpikedMixture(1.5), asy.Ridge(0.1), np.array([0.5, 2.0]))
    for name in FIELDS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(lim, name, 0.0)
        with pytest.raises(ValueError, match="read-only"):
            getattr(lim, name)[0] = getattr(lim, name)[1]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_limit_travels(shape):
    """Plain data: it pickles and copies."""
    lim = asy.limit(asy.SpikedMixture(1.5), asy.Logistic(0.1), np.full(shape, 0.5))
    for other in (pickle.loads(pickle.dumps(lim)), copy.deepcopy(lim)):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(other, name), getattr(lim, name))
        assert type(other.status) is type(lim.status)


def test_repr_says_what_is_inside():
    mix = asy.SpikedMixture(1.0)
    assert "accuracy=0.841345" in repr(asy.limit(mix, asy.Bayes(), 2.0))
    both = asy.limit(mix, asy.MaxMargin(), np.array([0.1, 0.1, 2.0]), throw=False)
    text = repr(both)
    assert "shape=(3,)" in text
    assert "not separable" in text
    assert "2" in text


def test_arguments_are_not_modified():
    gains, gammas = np.array([0.5, 2.0]), np.array([0.5, 2.0])
    asy.limit(asy.SpikedMixture(1.5), asy.Logistic(0.1), gammas, asy.Expansion(gains))
    assert gains.tolist() == [0.5, 2.0] == gammas.tolist()
    assert gains.flags.writeable and gammas.flags.writeable


# where there is no limit


@pytest.mark.parametrize(("clf", "status"), PENALTY_FREE, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_penalty_free_above_its_threshold(clf, status, balance):
    mix = asy.SpikedMixture(1.0, balance=balance)
    threshold = 1.0 if isinstance(clf, asy.Ridge) else asy.separability_threshold(mix)
    for gamma in (threshold, 1.01 * threshold, 50.0):
        lim = asy.limit(mix, clf, gamma, throw=False)
        assert lim.status is status
        assert all(np.isnan(getattr(lim, name)) for name in NUMBERS)
        with pytest.raises(
            asy.NoLimitError, match=f"below the threshold {threshold:.6g}"
        ) as failure:
            asy.limit(mix, clf, gamma)
        assert f"got {gamma:.6g}" in str(failure.value)
        assert status in str(failure.value)
        assert repr(clf) in str(failure.value)
    assert asy.limit(mix, clf, 0.99 * threshold).status is Status.CONVERGED


@pytest.mark.parametrize("balance", [0.5, 0.3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_max_margin_below_its_threshold(balance, fit_intercept):
    mix, clf = asy.SpikedMixture(1.0, balance=balance), asy.MaxMargin(fit_intercept)
    threshold = asy.separability_threshold(mix, fit_intercept)
    for gamma in (0.01, 0.99 * threshold, threshold):
        lim = asy.limit(mix, clf, gamma, throw=False)
        assert lim.status is Status.NOT_SEPARABLE
        assert all(np.isnan(getattr(lim, name)) for name in NUMBERS)
        with pytest.raises(
            asy.NoLimitError, match=f"above the threshold {threshold:.6g}"
        ) as failure:
            asy.limit(mix, clf, gamma)
        assert f"got {gamma:.6g}" in str(failure.value)
    assert asy.limit(mix, clf, 1.01 * threshold).status is Status.CONVERGED


def test_threshold_of_a_rank_deficient_population():
    """Half of the directions carry nothing: the thresholds double."""
    half = asy.Spectrum([0.0, 1.0], [0.5, 0.5], [0.0, 1.0])
    whole = asy.SpikedMixture(1.0)
    expected = 2 * asy.separability_threshold(whole)
    assert asy.separability_threshold(half) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(asy.NoLimitError, match=f"above the threshold {expected:.6g}"):
        asy.limit(half, asy.MaxMargin(), 0.95 * expected)
    with pytest.raises(asy.NoLimitError, match="below the threshold 2 "):
        asy.limit(half, asy.Ridge(0.0), 2.0)
    assert asy.limit(half, asy.Ridge(0.0), 1.9).status is Status.CONVERGED


def test_no_limit_is_a_value_error_and_carries_the_rest():
    gammas = np.array([[0.1, 2.0, 0.2], [3.0, 0.1, 4.0]])
    mix = asy.SpikedMixture(1.0)
    with pytest.raises(ValueError, match="3 of 6 elements failed") as failure:
        asy.limit(mix, asy.MaxMargin(), gammas)
    assert type(failure.value) is asy.NoLimitError
    partial = failure.value.limit
    quiet = asy.limit(mix, asy.MaxMargin(), gammas, throw=False)
    exists = gammas > 0.3
    for lim in (partial, quiet):
        assert np.array_equal(lim.status == "converged", exists)
        assert np.all(lim.status[~exists] == Status.NOT_SEPARABLE)
        for name in NUMBERS:
            assert np.array_equal(np.isfinite(getattr(lim, name)), exists)
        for index in zip(*np.nonzero(exists), strict=True):
            agree(lim, index, asy.limit(mix, asy.MaxMargin(), gammas[index]))


@pytest.fixture
def hopeless(monkeypatch):
    """A solver that accepts nothing, from which every element comes back unsolved."""
    monkeypatch.setattr("asymptotics.equations.fixed_point.ACCEPTED_RESIDUAL", -1.0)


@pytest.mark.parametrize(
    "clf", [asy.Logistic(0.1), asy.SVM(0.1), asy.SquaredHinge(0.1), asy.MaxMargin()]
)
@pytest.mark.usefixtures("hopeless")
def test_not_converged(clf):
    mix = asy.SpikedMixture(1.5, balance=0.3)
    lim = asy.limit(mix, clf, 2.0, throw=False)
    assert lim.status is Status.NOT_CONVERGED
    assert all(np.isnan(getattr(lim, name)) for name in NUMBERS)
    with pytest.raises(asy.ConvergenceError, match="aspect_ratio 2 was not found") as failure:
        asy.limit(mix, clf, 2.0)
    assert not isinstance(failure.value, ValueError)
    assert failure.value.limit.status is Status.NOT_CONVERGED


@pytest.mark.usefixtures("hopeless")
def test_no_limit_goes_before_not_converged():
    gammas = np.array([2.0, 0.1])
    with pytest.raises(asy.NoLimitError, match="2 of 2") as failure:
        asy.limit(asy.SpikedMixture(1.0), asy.MaxMargin(), gammas)
    assert failure.value.limit.status.tolist() == [Status.NOT_CONVERGED, Status.NOT_SEPARABLE]


@pytest.mark.parametrize("gamma", [0.1, np.array([0.1, 2.0])])
def test_failures_travel(gamma):
    """An exception has to come back whole from another process."""
    with pytest.raises(asy.NoLimitError) as failure:
        asy.limit(asy.SpikedMixture(1.0), asy.MaxMargin(), gamma)
    error = failure.value
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is asy.NoLimitError
        assert str(other) == str(error)
        np.testing.assert_array_equal(other.limit.accuracy, error.limit.accuracy)
        np.testing.assert_array_equal(other.limit.status, error.limit.status)
    other = pickle.loads(pickle.dumps(asy.ConvergenceError("so far", error.limit)))
    assert type(other) is asy.ConvergenceError
    assert str(other) == "so far"
    np.testing.assert_array_equal(other.limit.accuracy, error.limit.accuracy)


# beyond the range that is promised


TYPICAL = {"signal": 1.3, "noise": 0.9, "balance": 0.3, "gain": 2.0, "penalty": 0.1, "gamma": 0.7}
EXTREMES = {
    "signal": [0.0, 1e-300, 1e-160, 1e-8, 1e8, 1e160, 1e300],
    "noise": [1e-160, 1e-20, 1e-8, 1e8, 1e160, 1e300],
    "balance": [1e-300, 1e-17, 1e-6, 1 - 1e-16],
    "gain": [0.0, 1e-300, 1e-160, 1e-8, 1e8, 1e160, 1e300],
    "penalty": [1e-300, 1e-100, 1e-20, 1e20, 1e100, 1e300],
    "gamma": [1e-300, 1e-20, 1e-6, 1e6, 1e20, 1e300],
}


@by_name
@pytest.mark.parametrize("parameter", EXTREMES)
def test_extremes_are_honest(clf, parameter):
    """A number with a residual that holds, or a status, or a refusal; no NumPy warning, no NaN."""
    statuses, refusals = [], []
    for value in EXTREMES[parameter]:
        given = TYPICAL | {parameter: value}
        one = type(clf)(given["penalty"]) if hasattr(clf, "penalty") else clf
        spikes = [asy.Spike(2.0, 0.4)]
        mix = asy.SpikedMixture(given["signal"], given["noise"], spikes, given["balance"])
        projector = asy.Expansion(given["gain"], 0.8)
        try:
            lim = asy.limit(mix, one, given["gamma"], projector, throw=False)
        except ValueError as error:  # where a square is more than a float can hold
            refusals.append((value, str(error)))
            continue
        statuses.append(lim.status)
        if lim.status is Status.CONVERGED:
            assert 0.0 <= lim.accuracy <= 1.0
            assert 0.0 <= lim.train_accuracy <= 1.0
            assert lim.residual <= 1e-9
            assert not any(np.isnan(getattr(lim, name)) for name in NUMBERS)
        else:
            assert all(np.isnan(getattr(lim, name)) for name in NUMBERS)
    assert Status.CONVERGED in statuses
    for value, message in refusals:
        assert abs(np.log10(value)) > 150
        assert "must be" in message


# broadcasting


A = np.array([0.4, 1.0, 2.5])  # any positive parameter
C = np.array([-0.6, 0.0, 0.8])  # any cosine
P = np.array([0.2, 0.5, 0.9])  # any probability


def spiked(**replaced):
    given = {"signal": 1.2, "noise": 0.9, "balance": 0.3, "strength": 3.0, "cosine": 0.5} | replaced
    spike = asy.Spike(given["strength"], given["cosine"])
    return asy.SpikedMixture(given["signal"], given["noise"], [spike], given["balance"])


def spectrum(**replaced):
    given = {"d": [1.0, 3.0], "w": [0.5, 0.5], "e": [0.4, 1.0], "balance": 0.3} | replaced
    return asy.Spectrum(given["d"], given["w"], given["e"], given["balance"])


def gaussian(**replaced):
    covariance = np.diag([1.0, 2.0, 0.5, 1.0]) + 0.2
    return asy.GaussianMixture([1.0, 0.5, 0.0, 0.2], covariance, replaced.get("balance", 0.3))


EXPANSION, POWER = asy.Expansion(1.7, 0.6), asy.Power(0.3)
# A population, a projector and an aspect ratio as functions of one parameter, and its values.
AXES = {
    "signal": (lambda x: (spiked(signal=x), EXPANSION, 0.8), A),
    "noise": (lambda x: (spiked(noise=x), EXPANSION, 0.8), A),
    "balance": (lambda x: (spiked(balance=x), EXPANSION, 0.8), P),
    "strength": (lambda x: (spiked(strength=x), EXPANSION, 0.8), A),
    "cosine": (lambda x: (spiked(cosine=x), EXPANSION, 0.8), C),
    "gain": (lambda x: (spiked(), asy.Expansion(x, 0.6), 0.8), A),
    "gain of a spike": (lambda x: (spiked(cosine=C), asy.Expansion(x, spike=0), 0.8), A),
    "alignment": (lambda x: (spiked(), asy.Expansion(1.7, x), 0.8), C),
    "exponent": (lambda x: (spiked(), asy.Power(x), 0.8), C),
    "composition": (lambda x: (spiked(), asy.Power(C) @ asy.Expansion(x, 0.6), 0.8), A),
    "aspect_ratio": (lambda x: (spiked(), EXPANSION, x), A),
    "balance of a spectrum": (lambda x: (spectrum(balance=x), asy.Identity(), 0.8), P),
    "gain on a spectrum": (lambda x: (spectrum(), asy.Expansion(x), 0.8), A),
    "exponent on a spectrum": (lambda x: (spectrum(), asy.Power(x), 0.8), C),
    "balance of a matrix": (lambda x: (gaussian(balance=x), POWER, 0.8), P),
    "gain on a matrix": (lambda x: (gaussian(), asy.Expansion(x), 0.8), A),
    "exponent on a matrix": (lambda x: (gaussian(), asy.Power(x), 0.8), C),
}
# Parameters that are arrays in the table above, whatever the axis.
ALSO = {"gain of a spike": "cosine", "composition": "exponent"}


@pytest.mark.parametrize("clf", [asy.Logistic(0.1), asy.Ridge(0.1)], ids=["Logistic", "Ridge"])
@pytest.mark.parametrize("axis", AXES)
def test_grid_equals_loop(axis, clf):
    build, values = AXES[axis]
    if axis in ALSO:  # both arrays run along the same axis
        mix, projector, gamma = build(values)
        grid = asy.limit(mix, clf, gamma, projector)
        for k, value in enumerate(values):
            if axis == "composition":
                one = asy.Power(C[k]) @ asy.Expansion(value, 0.6)
                agree(grid, k, asy.limit(spiked(), clf, 0.8, one))
            else:
                one = asy.Expansion(value, spike=0)
                agree(grid, k, asy.limit(spiked(cosine=C[k]), clf, 0.8, one))
        return
    mix, projector, gamma = build(values)
    grid = asy.limit(mix, clf, gamma, projector)
    assert grid.accuracy.shape == values.shape
    for k, value in enumerate(values):
        mix, projector, gamma = build(value)
        agree(grid, k, asy.limit(mix, clf, gamma, projector))


@by_name
def test_everything_at_once(clf):
    """Signal, spikes, balance, gain and aspect ratio along their own axes; the penalty along one."""
    shape = (2, 3, 2, 2, 3)
    axes = [np.arange(size).reshape(size, *[1] * (4 - k)) for k, size in enumerate(shape)]
    values = {
        "signal": np.array([1.0, 2.5]),
        "strength": np.array([0.0, 1.0, 9.0]),
        "balance": np.array([0.5, 0.3]),
        "gain": np.array([0.5, 2.0]),
        "gamma": np.array([0.8, 1.5, 4.0]),
    }
    arrays = [array[index] for array, index in zip(values.values(), axes, strict=True)]

    def solve(signal, strength, balance, gain, gamma, penalty):
        mix = asy.SpikedMixture(signal, 1.1, [asy.Spike(strength, 0.4)], balance)
        one = dataclasses.replace(clf, penalty=penalty) if hasattr(clf, "penalty") else clf
        return asy.limit(mix, one, gamma, asy.Expansion(gain, 0.7))

    penalties = np.array([0.01, 1.0, 30.0])
    grid = solve(*arrays, penalties)
    assert grid.accuracy.shape == shape
    rng = np.random.default_rng(0)
    for index in zip(*(rng.integers(size, size=12) for size in shape), strict=True):
        point = [array[k] for array, k in zip(values.values(), index, strict=True)]
        agree(grid, index, solve(*point, penalties[index[-1]]))


def test_batch_of_spectra():
    eigenvalues = np.array([[1.0, 2.0], [1.0, 5.0], [0.5, 0.0]])
    energies = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])
    # eigenvalues (3, 2) and energies (2, 1, 2): a batch of shape (2, 3)
    batch = asy.Spectrum(eigenvalues, [0.5, 0.5], energies, 0.4)
    lim = asy.limit(batch, asy.Logistic(0.2), 0.7)
    assert lim.accuracy.shape == batch.batch_shape == (2, 3)
    for i in range(2):
        for j in range(3):
            one = asy.Spectrum(eigenvalues[j], [0.5, 0.5], energies[i, 0], 0.4)
            agree(lim, (i, j), asy.limit(one, asy.Logistic(0.2), 0.7))


@by_name
def test_a_long_batch_is_solved_in_slabs(clf, monkeypatch):
    mix = asy.SpikedMixture(np.linspace(0.5, 2.0, 7)[:, None], balance=[0.3, 0.5, 0.6])
    whole = asy.limit(mix, clf, 2.0)
    monkeypatch.setattr("asymptotics.questions.limits._SLAB", 10)
    slabs = asy.limit(mix, clf, 2.0)
    for name in NUMBERS:
        if name != "residual":
            np.testing.assert_allclose(getattr(slabs, name), getattr(whole, name), 1e-13, 1e-13)


@by_name
def test_nothing_in_nothing_out(clf):
    lim = asy.limit(asy.SpikedMixture(1.0), clf, np.empty((0, 2)) + 1.0)
    assert lim.accuracy.shape == lim.status.shape == (0, 2)


@pytest.mark.parametrize(
    "build",
    [
        lambda: asy.limit(asy.SpikedMixture([1.0, 2.0]), asy.Ridge([0.1, 0.2, 0.3]), 1.0),
        lambda: asy.limit(asy.SpikedMixture([1.0, 2.0]), asy.Ridge(0.1), [1.0, 2.0, 3.0]),
        lambda: asy.limit(
            asy.SpikedMixture([1.0, 2.0]), asy.Ridge(0.1), 1.0, asy.Expansion([1.0, 2.0, 3.0])
        ),
        lambda: asy.limit(asy.SpikedMixture([1.0, 2.0]), asy.Ridge(0.1), 1.0, asy.Power([0.1] * 3)),
        lambda: asy.limit(
            asy.Spectrum([[1.0], [2.0]], [1.0], [1.0]),
            asy.Ridge(0.1),
            1.0,
            asy.Expansion([1.0] * 3),
        ),
        lambda: asy.limit(
            gaussian(balance=[0.5, 0.4]), asy.Ridge(0.1), 1.0, asy.Expansion([1.0, 2.0, 3.0])
        ),
        lambda: asy.limit(
            asy.SpikedMixture(1.0),
            asy.Ridge(0.1),
            1.0,
            asy.Power([1.0] * 2) @ asy.Expansion([1.0] * 3),
        ),
    ],
)
def test_shapes_that_do_not_broadcast(build):
    with pytest.raises(ValueError, match=r"broadcast together.*got shapes"):
        build()
