"""The exact law: equal in distribution to real training sets, at every n and p."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtr
from scipy.stats import ks_2samp

import asymptotics as asy
from asymptotics.simulation import banded, exact_law
from asymptotics.simulation.exact_law import ExactLaw, Source, banded_gaussian
from asymptotics.simulation.experiment import FIELDS

PLAIN = asy.SpikedMixture(signal=1.5, noise=0.8)
SPIKED = asy.SpikedMixture(
    signal=1.2, noise=1.3, spikes=[asy.Spike(2.0, 0.4), asy.Spike(-0.5, -0.3)], balance=0.42
)
RARE = asy.SpikedMixture(signal=0.8, spikes=[asy.Spike(-0.97, 0.9)], balance=0.15)
TILTED = asy.Expansion(0.3, alignment=0.6) @ asy.Power(0.4)
# A p-value below this rejects. Some 50 of the 20,000-trial tests are taken in one run, on fixed
# seeds: a right law would fail one of them for one choice of seeds in 200.
REJECTED = 1e-4
TRIALS = 20_000

# mixture, projector, classifier, n, p, with K = 1 to 4 special directions. With K = 4 and n = 20,
# 19 rows are left behind an intercept: p = 19 interpolates with the help of the frame only.
CASES = {
    "ridge": (SPIKED, TILTED, asy.Ridge(0.1), 30, 20),
    "ridge, more dimensions than points": (SPIKED, asy.Expansion(3.0), asy.Ridge(3.0), 24, 40),
    "ridge, fewer points than directions": (SPIKED, TILTED, asy.Ridge(0.2, False), 3, 5),
    "least squares": (SPIKED, TILTED, asy.MinNorm(), 20, 10),
    "at the threshold": (SPIKED, TILTED, asy.MinNorm(), 20, 19),
    "interpolation": (PLAIN, asy.Expansion(3.0), asy.MinNorm(False), 15, 22),
    "centroid": (SPIKED, TILTED, asy.Centroid(), 20, 30),
    "centroid, rare class": (RARE, asy.Expansion(2.0), asy.Centroid(False), 12, 5),
}


# ------------------------------------------------------------ real training sets, all at once


def explicit(mix, projector, p):
    """Mean, root of the covariance, and the projector as a matrix, from their definitions."""
    axes = np.eye(p)
    mean, covariance = mix.signal * axes[0], np.eye(p)
    for k, spike in enumerate(mix.spikes):
        c = spike.alignment
        v = c * axes[0] + np.sqrt(1.0 - c**2) * axes[k + 1]
        covariance += spike.strength * np.outer(v, v)

    def matrix(part, fresh):
        if isinstance(part, asy.Identity):
            return np.eye(p)
        if isinstance(part, asy.Expansion):
            c = part.alignment
            u = c * axes[0] + np.sqrt(1.0 - c**2) * axes[fresh]
            return np.eye(p) + (part.gain - 1.0) * np.outer(u, u)
        if isinstance(part, asy.Power):
            moment = covariance + np.outer(mean, mean) / mix.noise**2
            values, vectors = np.linalg.eigh(moment)
            return vectors * values**part.exponent @ vectors.T
        return matrix(part.outer, fresh) @ matrix(part.inner, fresh)

    image = matrix(projector, min(1 + len(mix.spikes), p - 1))
    return image @ mean, mix.noise * image @ np.linalg.cholesky(covariance)


def accuracy(mix, m, q, b):
    pi, deviation = mix.balance, np.sqrt(q)
    return pi * ndtr((m + b) / deviation) + (1.0 - pi) * ndtr((m - b) / deviation)


def direct(case, trials, rng):
    """The five fields of many training sets that are really drawn, in batches of equations."""
    mix, projector, clf, n, p = case
    mean, root = explicit(mix, projector, p)
    labels = np.where(rng.random((trials, n)) < mix.balance, 1.0, -1.0)
    points = rng.standard_normal((trials, n, p)) @ root.T + labels[..., None] * mean
    centre, shift = np.zeros((trials, 1, p)), np.zeros((trials, 1))
    if clf.fit_intercept:
        centre, shift = points.mean(1, keepdims=True), labels.mean(1, keepdims=True)
    x, y = points - centre, labels - shift
    cost = n * clf.penalty if isinstance(clf, asy.Ridge) else 0.0
    if isinstance(clf, asy.Centroid):
        w = (y[:, None] @ x)[:, 0] / np.square(y).sum(1, keepdims=True)
    elif cost or p < n - clf.fit_intercept:
        # What is projected out makes the system singular, which this undoes far below all else.
        system = np.swapaxes(x, 1, 2) @ x + (cost or 1e-10) * np.eye(p)
        w = np.linalg.solve(system, np.swapaxes(x, 1, 2) @ y[..., None])[..., 0]
    else:
        # Centred rows sum to zero; a constant in their Gram matrix only makes it invertible.
        system = x @ np.swapaxes(x, 1, 2) + float(clf.fit_intercept)
        w = (np.linalg.solve(system, y[..., None]) * x).sum(1)
    b = np.zeros(trials)
    if clf.fit_intercept:
        b = shift[:, 0] - (centre[:, 0] * w).sum(1)
        if isinstance(clf, asy.Centroid):
            b += shift[:, 0] * (np.square(w).sum(1) - 1.0)
    scores = (points @ w[..., None])[..., 0] + b[:, None]
    m, q = w @ mean, np.square(w @ root).sum(1)
    train_accuracy = (labels * scores > 0).mean(1)
    return dict(zip(FIELDS, (accuracy(mix, m, q, b), train_accuracy, m, q, b), strict=True))


def simulated(case, trials, seed):
    """The same from the exact law."""
    mix, projector, clf, n, p = case
    sim = asy.simulate(
        mix, clf, p / n, n=n, trials=trials, projector=projector, method="exact-law", rng=seed
    )
    assert (sim.method, sim.dimension) == ("exact-law", p)
    return {name: getattr(sim, name) for name in FIELDS}


def exact(case, trials, seed):
    """The same again, without the bookkeeping of a simulation, which would take half the time."""
    mix, projector, clf, n, p = case
    law, rng = ExactLaw.of(mix, projector, n, p), np.random.default_rng(seed)
    train_accuracy, m, q, b = np.transpose([law.draw(clf, rng) for _ in range(trials)])
    return dict(zip(FIELDS, (accuracy(mix, m, q, b), train_accuracy, m, q, b), strict=True))


def p_values(first, second):
    """The two-sample Kolmogorov-Smirnov test of each field."""
    # Digits that are rounding errors would tell two equal constants apart.
    return {
        name: ks_2samp(first[name].round(9), second[name].round(9), method="asymp").pvalue
        for name in FIELDS
    }


# --------------------------------------------------------------------------- equality in law


def nontrivial(case, draws):
    """All fields vary but those that cannot."""
    for name, values in draws.items():
        constant = (name == "intercept" and not case[2].fit_intercept) or (
            name == "train_accuracy" and np.all(values == 1.0)
        )
        assert constant or np.unique(values.round(9)).size > 2


# The longest two; the others cover the same code.
LONG = {"ridge", "ridge, more dimensions than points"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in CASES],
)
def test_the_law_is_that_of_real_training_sets(name):
    case = CASES[name]
    real = direct(case, TRIALS, np.random.default_rng(11))
    drawn = exact(case, TRIALS, 12)
    nontrivial(case, real)
    found = p_values(real, drawn)
    assert min(found.values()) > REJECTED, found
    # Jointly, and not one by one: a sum depends on how its terms do.
    sums = [
        sum(d[name] / real[name].std() for name in FIELDS if real[name].std())
        for d in (real, drawn)
    ]
    assert ks_2samp(*sums, method="asymp").pvalue > REJECTED


def test_batches_of_equations_train_the_same_classifiers():
    """One of the training sets above, by the estimators themselves."""
    for mix, projector, clf, n, p in CASES.values():
        one = direct((mix, projector, clf, n, p), 1, np.random.default_rng(3))
        rng = np.random.default_rng(3)
        mean, root = explicit(mix, projector, p)
        labels = np.where(rng.random(n) < mix.balance, 1.0, -1.0)
        points = rng.standard_normal((n, p)) @ root.T + labels[:, None] * mean
        weights, intercept = clf.fit(points, labels)
        assert_allclose(one["overlap"], weights @ mean, rtol=1e-7)
        assert_allclose(one["variance"], np.square(weights @ root).sum(), rtol=1e-7)
        assert_allclose(one["intercept"], intercept, rtol=1e-7, atol=1e-12)
        correct = labels * (points @ weights + intercept) > 0
        assert_allclose(one["train_accuracy"], correct.mean())


def one_more_row(rows, columns, r, rng, count=None):
    return banded_gaussian(rows + 1, columns, r, rng, count)


def one_more_column(rows, columns, r, rng, count=None):
    return banded_gaussian(rows, columns + 1, r, rng, count)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("least squares", one_more_row), ("interpolation", one_more_column)],
)
def test_a_wrong_degree_of_freedom_is_rejected(name, wrong, monkeypatch):
    monkeypatch.setattr(exact_law, "banded_gaussian", wrong)
    case = CASES[name]
    found = p_values(direct(case, 5000, np.random.default_rng(11)), exact(case, 5000, 12))
    assert found["variance"] < 1e-3 * REJECTED
    assert found["accuracy"] < REJECTED


# ------------------------------------------------------------- the solvers, against a dense one


@pytest.mark.parametrize("cost", [0.0, 1e-3, 3.0, 1e4])
@pytest.mark.parametrize(("k", "lost"), [(0, 0), (1, 0), (3, 0), (0, 1), (2, 2)])
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 12])
def test_every_shape_is_solved(rows, k, lost, cost):
    """All solvers, on all sides of p = n, against dense least squares on the same numbers.

    Directions that a gain of 0 projects out are lost, and leave their rows behind.
    """
    rng = np.random.default_rng(3)
    for p in (0, 1, 2, *range(max(rows - 5, 3), rows + 3), 3 * rows):
        r, scale = min(rows, k + lost + 1), 0.7
        bands = banded_gaussian(rows, p, r, rng)
        dense = np.zeros((rows, p))
        for j, i in np.ndindex(bands.shape):
            if i + j < rows:
                dense[i + j, i] = scale * bands[j, i]
            else:
                assert bands[j, i] == 0
        special = rng.standard_normal((r, k)) * np.geomspace(1.0, 30.0, k)
        target = rng.standard_normal(r)
        sample = banded.Sample(target, special, bands, rows, p, scale)
        fit = banded.least_squares(sample, cost)
        system = np.concatenate([np.pad(special, ((0, rows - r), (0, 0))), dense], axis=1)
        labels = np.pad(target, (0, rows - r))
        if cost:
            padded = np.concatenate([system, np.sqrt(cost) * np.eye(k + p)])
            weights = np.linalg.lstsq(padded, np.pad(labels, (0, k + p)))[0]
        else:
            weights = np.linalg.lstsq(system, labels)[0]
        fitted = system @ weights
        size = np.linalg.norm(weights) + 1e-300
        assert_allclose(fit.special, weights[:k], atol=1e-7 * size)
        assert_allclose(fit.bulk, np.linalg.norm(weights[k:]), atol=1e-7 * size)
        assert_allclose(fit.inside, fitted[:r], atol=1e-7)
        assert_allclose(fit.outside, np.linalg.norm(fitted[r:]), atol=1e-7)


def test_the_bands_are_those_of_a_gaussian_matrix():
    """Moments of every entry; the sum of squares is that of the whole matrix."""
    rows, columns, r = 7, 5, 2
    rng = np.random.default_rng(0)
    draws = np.array([banded_gaussian(rows, columns, r, rng) for _ in range(20_000)])
    squares = (draws**2).mean(0)
    assert_allclose(squares[0], columns - np.arange(5), rtol=0.06)
    assert_allclose(squares[1], 1.0, rtol=0.06)
    assert_allclose(squares[2], rows - r - np.arange(5), rtol=0.06)
    assert abs((draws**2).sum((1, 2)).mean() - rows * columns) < 4 * np.sqrt(70 / 20_000)


# ------------------------------------------------------------------------------- large sizes


@pytest.mark.parametrize("projector", [asy.Expansion(3.0), TILTED], ids=["along", "tilted"])
@pytest.mark.parametrize(
    ("clf", "aspect_ratio"),
    [
        (asy.Ridge(0.1), 0.5),
        (asy.Ridge(0.1), 2.0),
        (asy.MinNorm(), 0.5),
        (asy.MinNorm(), 1.5),
        (asy.Centroid(), 1.0),
    ],
)
def test_it_agrees_with_the_limit(clf, aspect_ratio, projector):
    sim = asy.simulate(SPIKED, clf, aspect_ratio, n=20_000, trials=50, projector=projector, rng=4)
    assert sim.method == "exact-law"
    lim = asy.limit(SPIKED, clf, aspect_ratio, projector)
    assert abs(sim.z_score(lim)) < 4
    stderr = sim.train_accuracy.std(ddof=1) / np.sqrt(sim.trials)
    assert abs(sim.train_accuracy.mean() - lim.train_accuracy) < 4 * stderr + 1e-12
    assert abs(sim.z_score(asy.limit(SPIKED, clf, 2.0 * aspect_ratio, projector))) > 4


def test_the_threshold_of_interpolation_is_solved():
    """p = n and its neighbours, where the smallest singular value is about 1/n of the largest."""
    for shift in (-2, -1, 0, 1, 2):
        sim = asy.simulate(SPIKED, asy.MinNorm(), 1.0 + shift / 3000, n=3000, trials=4, rng=0)
        assert np.all(np.isfinite(sim.variance))
        assert shift < -1 or np.all(sim.train_accuracy == 1.0)


def test_without_a_penalty_no_gain_matters():
    first, second = (
        asy.simulate(PLAIN, asy.MinNorm(), 0.5, n=3000, trials=3, projector=projector, rng=1)
        for projector in (asy.Identity(), asy.Expansion(1e4))
    )
    assert_allclose(first.accuracy, second.accuracy, rtol=1e-9)


# ------------------------------------------------------------------- gains of every order


def graded_case(rng, reach):
    """A mixture with up to two spikes behind stretches of any direction by 10^-reach to 10^reach."""
    spikes = [
        asy.Spike(10 ** rng.uniform(-1, 1), rng.uniform(-0.7, 0.7)) for _ in range(rng.integers(3))
    ]
    mix = asy.SpikedMixture(rng.uniform(0.8, 2), rng.uniform(0.5, 1.5), spikes)
    gain = 10 ** (reach * rng.choice([-1, 1]) * rng.choice([rng.uniform(0.3, 1), 1]))
    alignment = rng.choice([1.0, -1.0, *rng.uniform(-0.9, 0.9, 4)])
    projector = asy.Expansion(gain, alignment)
    if spikes and rng.random() < 0.3:
        projector = asy.Expansion(gain, spike=0)
    if rng.random() < 0.3:
        projector = projector @ asy.Power(rng.uniform(-0.5, 0.5))
    elif rng.random() < 0.3:
        projector = asy.Expansion(10 ** (reach * rng.uniform(-1, 1)), 0.3) @ projector
    clf = (asy.Ridge(10 ** rng.uniform(-1.5, 0)), asy.MinNorm(), asy.Centroid())[rng.integers(3)]
    return mix, clf, rng.choice([0.4, 1.7]), projector


def from_the_block(cls, mix, projector, n, dimension, fixed_counts=False):
    """The law of a map held as a sum, 1 + (g - 1)uuᵀ."""
    frame = mix.frame(projector.fresh_axes)
    image = projector.on_frame(frame)
    basis, deviations, turn = np.linalg.svd(image.block @ frame.root)
    k = frame.axes
    return cls(
        source=Source(n, k, dimension - k, float(mix.balance), fixed_counts),
        turn=turn.T,
        deviations=deviations,
        means=basis.T @ image.block @ frame.mean,
        bulk=float((image.bulk * frame.bulk).item()),
    )


def far_from_the_limit(seed):
    """Standard errors beyond a share 5/n of 20 large training sets, of accuracy, m and q."""
    mix, clf, ratio, projector = graded_case(np.random.default_rng(seed), 15)
    lim = asy.limit(mix, clf, ratio, projector)
    sim = asy.simulate(
        mix, clf, ratio, n=4000, trials=20, projector=projector, rng=seed, method="exact-law"
    )
    pairs = (sim.accuracy, lim.accuracy), (sim.overlap, lim.mean), (sim.variance, lim.variance)
    return [
        max(abs(x.mean() - value) - 5 / sim.n * abs(value), 0.0)
        / (x.std(ddof=1) / np.sqrt(20) + np.finfo(float).tiny)
        for x, value in pairs
    ]


SEEDS = range(40)


def test_gains_of_every_order_agree_with_the_limit():
    assert np.max([far_from_the_limit(seed) for seed in SEEDS]) < 4


def test_a_map_held_as_a_sum_does_not(monkeypatch):
    """The control: what the sum has lost shows, in the accuracy as well."""
    monkeypatch.setattr(ExactLaw, "of", classmethod(from_the_block))
    found = np.array([far_from_the_limit(seed) for seed in SEEDS])
    assert (found[:, 0] > 4).sum() > 3
    assert (found.max(1) > 4).sum() > 4


@pytest.mark.parametrize("seed", range(6))
def test_gains_agree_with_real_training_sets(seed):
    mix, clf, ratio, projector = graded_case(np.random.default_rng(100 + seed), 4)
    law, real = (
        asy.simulate(mix, clf, ratio, n=40, trials=400, projector=projector, rng=k, method=method)
        for k, method in enumerate(("exact-law", "direct"))
    )
    for name in FIELDS:
        one, other = getattr(law, name), getattr(real, name)
        error = np.hypot(one.std(ddof=1), other.std(ddof=1)) / np.sqrt(400)
        assert abs(one.mean() - other.mean()) < 4 * error + 1e-9 * abs(other.mean())


def test_overflow_is_refused():
    """q grows like the fourth power of the gain for centroids."""
    for gain in (1e80, 1e120, 1e160):
        with pytest.raises(asy.ConvergenceError, match=r"overflow.* m = .*, q = (inf|nan)"):
            asy.simulate(PLAIN, asy.Centroid(), 0.5, n=50, projector=asy.Expansion(gain), rng=0)


# --------------------------------------------------------------------------- reproducibility


def test_the_same_for_every_number_of_jobs():
    arguments = {"aspect_ratio": 0.5, "n": 500, "trials": 9, "projector": TILTED, "rng": 3}
    first = asy.simulate(SPIKED, asy.Ridge(0.1), **arguments)
    for change in ({"n_jobs": 2}, {"method": "exact-law"}, {"rng": first.seed}):
        again = asy.simulate(SPIKED, asy.Ridge(0.1), **(arguments | change))
        for name in FIELDS:
            assert_array_equal(getattr(first, name), getattr(again, name))
    short = asy.simulate(SPIKED, asy.Ridge(0.1), **(arguments | {"trials": 4}))
    assert_array_equal(first.accuracy[:4], short.accuracy)
    assert np.unique(first.accuracy).size == 9


def test_fields():
    sim = asy.simulate(PLAIN, asy.Ridge(0.1, fit_intercept=False), 0.49, n=45, trials=7, rng=0)
    assert (sim.n, sim.dimension, sim.trials, sim.method) == (45, 22, 7, "exact-law")
    assert not sim.intercept.any()
    for name in FIELDS:
        assert getattr(sim, name).shape == (7,)
        assert not getattr(sim, name).flags.writeable


# ----------------------------------------------------------------------------- where it applies

SMALL = {"n": 20, "trials": 2, "rng": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clf": asy.Logistic(0.1)}, r"the classifier must be Ridge, .*got Logistic"),
        ({"clf": asy.Bayes()}, "the classifier must be Ridge"),
        ({"mix": PLAIN.realise(10)}, "mix must be a SpikedMixture, got GaussianMixture"),
        ({"mix": PLAIN.spectrum()}, "mix must be a SpikedMixture, got Spectrum"),
        ({"projector": asy.LinearMap(np.eye(10))}, "projector must act on the frame alone"),
        (
            {"projector": asy.Expansion(2.0) @ asy.LinearMap(np.eye(10))},
            "projector must act on the frame alone",
        ),
        ({"clf": asy.Ridge(1e-14)}, "penalty must be 0 or at least 1.87e-10, got 1e-14"),
    ],
)
def test_elsewhere_it_is_refused_and_auto_is_direct(change, message):
    arguments = {"mix": PLAIN, "clf": asy.Ridge(0.1), "aspect_ratio": 0.5, **SMALL, **change}
    with pytest.raises(ValueError, match="method must be 'direct' or 'auto', got 'exact-law': "):
        asy.simulate(method="exact-law", **arguments)
    with pytest.raises(ValueError, match=message):
        asy.simulate(method="exact-law", **arguments)
    if arguments["clf"] != asy.Ridge(1e-14):
        assert asy.simulate(**arguments).method == "direct"


def test_a_class_of_ones_own_is_not_taken_for_its_parent():
    class Rounded(asy.Ridge):
        pass

    assert asy.simulate(PLAIN, Rounded(0.1), 0.5, **SMALL).method == "direct"


def test_one_class_only():
    mix = asy.SpikedMixture(signal=1.0, balance=0.01)
    with pytest.raises(ValueError, match=r"trial \d of n = 20, p = 10: labels must hold both"):
        asy.simulate(mix, asy.Ridge(0.1), 0.5, method="exact-law", **SMALL)
    assert asy.simulate(mix, asy.Ridge(0.1, fit_intercept=False), 0.5, **SMALL).trials == 2


SINGULAR = asy.SpikedMixture(
    signal=1.0, spikes=[asy.Spike(3.0, 0.2), asy.Spike(-0.999999, 0.5), asy.Spike(-1 + 1e-9, 0.0)]
)


@pytest.mark.parametrize(
    "case",
    [
        (PLAIN, asy.Identity(), asy.Ridge(0.1, False), 2, 1),
        (PLAIN, asy.Identity(), asy.Centroid(False), 2, 1),
        (SINGULAR, asy.Identity(), asy.Ridge(0.1), 30, 4),
        (SINGULAR, asy.Identity(), asy.MinNorm(), 25, 12),
        (SPIKED, asy.Expansion(1e6, alignment=0.5), asy.MinNorm(), 20, 19),
        (SPIKED, asy.Expansion(0.0, alignment=0.5), asy.MinNorm(), 20, 12),
        (PLAIN, asy.Expansion(1e6), asy.Ridge(1e-3), 30, 20),
        (PLAIN, asy.Expansion(1e-6), asy.MinNorm(), 20, 30),
        (PLAIN, asy.Identity(), asy.Ridge(1e12, False), 20, 30),
        (PLAIN, asy.Identity(), asy.Ridge(1e-8), 30, 20),
    ],
    ids=lambda case: f"{case[2]!r}, n = {case[3]}, p = {case[4]}",
)
def test_extremes(case):
    """Two points, one dimension, all directions special, singular covariances, strong gains."""
    real, drawn = direct(case, 1500, np.random.default_rng(0)), simulated(case, 1500, 1)
    scaled = [
        {name: d[name] / np.abs(real[name]).max() for name in FIELDS if np.any(real[name])}
        for d in (real, drawn)
    ]
    for name in scaled[0]:
        assert ks_2samp(*(d[name].round(9) for d in scaled), method="asymp").pvalue > REJECTED


@pytest.mark.parametrize("gain", [0.0, 1e-6, 1e6])
def test_the_threshold_of_interpolation_behind_any_gain(gain):
    """All dimensions about n, where the frame may be what it takes to interpolate."""
    for p in range(15, 24):
        sim = asy.simulate(
            SPIKED,
            asy.MinNorm(),
            p / 20,
            n=20,
            trials=20,
            projector=asy.Expansion(gain, 0.5),
            rng=0,
        )
        assert np.all(np.isfinite(sim.variance))
        assert p - (gain == 0.0) < 19 or np.all(sim.train_accuracy == 1.0)


@pytest.mark.parametrize("clf", [asy.Ridge(0.1), asy.MinNorm(), asy.Centroid()])
def test_one_class_is_the_same_error_by_either_method(clf):
    mix = asy.SpikedMixture(signal=1.0, balance=1e-3)
    messages = []
    for method in ("direct", "exact-law"):
        with pytest.raises(ValueError, match="labels must hold both classes") as caught:
            asy.simulate(mix, clf, 0.5, method=method, **SMALL)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_nothing_is_left_to_learn_from():
    """One dimension, projected out: an accuracy of one half, and no division by zero."""
    for clf in (asy.Ridge(0.1, fit_intercept=False), asy.Centroid(fit_intercept=False)):
        sim = asy.simulate(PLAIN, clf, 0.05, projector=asy.Expansion(0.0), **SMALL)
        assert_array_equal(sim.accuracy, 0.5)
        assert_array_equal(sim.variance, 0.0)


def test_the_law_of_a_population():
    law = ExactLaw.of(SPIKED, asy.Expansion(0.0) @ TILTED, 30, 20)
    assert law.source == Source(n=30, axes=4, bulk_dimension=16, balance=0.42)
    assert law.deviations.shape == law.means.shape == (3,)
    assert_allclose(law.bulk, 1.3)
    # The turn is from the frame to the principal axes, and the means are seen from there.
    frame = SPIKED.frame(1)
    image = (asy.Expansion(0.0) @ asy.Power(0.0)).on_frame(frame).block @ frame.root
    law = ExactLaw.of(SPIKED, asy.Expansion(0.0, alignment=0.6), 30, 20)
    assert_allclose(law.turn.T @ law.turn, np.eye(3), atol=1e-14)
    assert_allclose(np.linalg.norm(law.means), 1.2 * 0.8, rtol=1e-12)
    assert image.shape == (4, 4)
