"""Spectrum.from_data: a spectrum that n ≈ p labelled features support."""

import pickle

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics.estimation.estimate import estimate_from_data
from asymptotics.estimation.resolvent import inflation, kappa_of, levels, read
from asymptotics.estimation.sample import check_two_classes, labelled_sample

# Of estimates from few points, which are not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")

RNG = np.random.default_rng


def draw(eigenvalues, energies, n, rng, share=0.5):
    """Features with independent coordinates, and exact class counts."""
    y = np.where(np.arange(n) < round(n * share), 1, -1)
    noise = rng.normal(size=(n, eigenvalues.size)) * np.sqrt(eigenvalues)
    return y[:, None] * np.sqrt(energies) + noise, y


def population(kind, p):
    d, e = np.ones(p), np.zeros(p)
    rank = np.arange(1, p + 1)
    if kind == "isotropic":
        e[0] = 2.25
    elif kind == "spiked":
        d[0], e[:2] = 5.0, 1.125
    elif kind == "power law":
        d, e = 50 * rank**-1.2, 8 * rank**-1.5
    elif kind == "two levels":
        d, e = np.where(rank <= p // 2, 3.0, 0.1), np.full(p, 2.25 / p)
    return d, e


def spectrum(d, e, balance=0.5):
    return asy.Spectrum(d, np.full(d.size, 1 / d.size), e, balance)


# ------------------------------------------------------------- identities, on the sample's side


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (42, 40), (41, 40), (30, 30)])
def test_the_readings_are_those_of_the_dense_resolvent(shape):
    n, p = shape
    rng = RNG(n * p)
    x, y = rng.normal(size=shape) @ rng.normal(size=(p, p)), np.arange(n) % 3 == 0
    sample = labelled_sample(x, y)
    means = x[~y].mean(0), x[y].mean(0)
    rest = x - np.where(y[:, None], means[1], means[0])
    covariance, delta = rest.T @ rest / (n - 2), 0.5 * (means[1] - means[0])
    for level in (0.3, 5.0, 200.0):
        inverse = np.linalg.inv(covariance + level * np.eye(p))
        df = np.trace(covariance @ inverse)
        kappa = level / (1 - df / (n - 2))
        assert kappa_of(sample, np.array(level)) == pytest.approx(kappa, rel=1e-10)
        found = read(sample, np.array([kappa]))
        assert found.level[0] == pytest.approx(level, rel=1e-10)
        assert found.weight_sum[0] == pytest.approx(df / p, rel=1e-10)
        c = (1 / y.sum() + 1 / (~y).sum()) / 4
        expected = level / kappa * delta @ inverse @ delta - c * df
        assert found.energy_sum[0] == pytest.approx(expected, rel=1e-8)
        step = 1e-4 * level
        slope = np.diff(kappa_of(sample, np.array([level - step, level + step])))[0] / (2 * step)
        assert inflation(sample, np.array(level)) == pytest.approx(slope, rel=1e-6)


def test_the_range_of_kappa():
    rng = RNG(3)
    wide = estimate_from_data(*draw(np.ones(80), np.zeros(80), 40, rng))
    s = wide.sample.eigenvalues
    assert s.size == 38
    assert wide.kappa_min == pytest.approx(1 / np.mean(1 / s), rel=1e-12)
    # a level below 0 reads lower, at four times the noise
    assert 0 < wide.kappa_low < wide.kappa_min
    level = levels(wide.sample, np.array([wide.kappa_low]))
    assert -s[-1] < level[0] < 0
    assert inflation(wide.sample, level)[0] == pytest.approx(4, rel=1e-9)
    assert wide.extrapolates(np.array([0.9, 1.1]) * wide.kappa_low).tolist() == [True, False]
    tall = estimate_from_data(*draw(np.ones(40), np.zeros(40), 80, rng))
    assert tall.kappa_min == 0
    assert not tall.extrapolates(np.array([0.0, 1e-9, 1.0])).any()


def test_the_variance_at_zero_is_hotellings():
    """Of the debiased statistic N-p over N Δ'S⁻¹Δ - cp, a noncentral F."""
    p, n, distance = 12, 40, 1.7
    x, y = draw(np.ones(p), np.zeros(p), n, RNG(0))
    found = estimate_from_data(x, y)
    freedom, c = n - 2, found.sample.mean_noise
    d, e = np.ones(1), np.array([distance])
    estimate = type(found)(**(vars(found) | {"eigenvalues": d, "weights": d, "energies": e}))
    k = freedom - p + 1
    law = scipy.stats.ncf(p, k, distance / c)
    # Δ'S⁻¹Δ = c N p/k F
    exact = law.var() * (c * freedom * p / k * (freedom - p) / freedom) ** 2
    ours = estimate.energy_covariance(np.array([1e-9]))[0, 0]
    assert ours == pytest.approx(exact, rel=0.25)  # 1/n at n - p = 26
    big = scipy.stats.ncf(1200, 3998 - 1200 + 1, distance / (c / 100)).var()
    big *= (c / 100 * 3998 * 1200 / (3998 - 1200 + 1) * (3998 - 1200) / 3998) ** 2
    r, share = distance, 1200 / 3998
    formula = (4 * c / 100 * r + 2 * (c / 100) ** 2 * 1200 + 2 * r**2 / 3998) / (1 - share)
    assert formula == pytest.approx(big, rel=0.005)


# ------------------------------------------------------------------ what kind of features it takes


def test_any_type_of_features(tmp_path):
    rng = RNG(1)
    for shape in ((60, 90), (90, 60)):
        x, y = rng.normal(size=shape), np.arange(shape[0]) % 2
        x[:, 0] += 2 * y
        x = x.astype(np.float32)
        whole = asy.Spectrum.from_data(x.astype(float), y)
        np.save(tmp_path / "x.npy", x)
        for same in (
            x,
            x.tolist(),
            np.asfortranarray(x),
            np.load(tmp_path / "x.npy", mmap_mode="r"),
        ):
            for labels in (y, y.astype(str), y - 0.5, y.astype(bool)):
                other = asy.Spectrum.from_data(same, labels)
                np.testing.assert_allclose(other.energies, whole.energies, rtol=1e-6, atol=1e-9)
        assert pickle.loads(pickle.dumps(whole)) == whole
        assert whole.samples == shape[0]
    whole = asy.Spectrum.from_data((x * 20).astype(np.int8), y)
    assert whole.noise == pytest.approx(20 * asy.Spectrum.from_data(x, y).noise, rel=0.05)


def test_slabs_do_not_matter(monkeypatch):
    rng = RNG(2)
    for shape in ((30, 70), (70, 30)):
        x, y = rng.normal(size=shape), np.arange(shape[0]) % 2
        for spread in (1.0, 1e-7):  # by Gram matrix, and by triangle
            x = x * np.where(np.arange(shape[1]) == 0, spread, 1.0)
            one = labelled_sample(x, y == 1, keep_left=True)
            monkeypatch.setattr("asymptotics.estimation.sample._SLAB", 200)
            other = labelled_sample(x, y == 1, keep_left=True)
            monkeypatch.undo()
            np.testing.assert_allclose(one.eigenvalues, other.eigenvalues, rtol=1e-8)
            np.testing.assert_allclose(abs(one.projections), abs(other.projections), rtol=1e-6)
            overlap = one.left.T @ other.left
            np.testing.assert_allclose(abs(overlap), np.eye(len(overlap)), atol=1e-6)


@pytest.mark.parametrize("shift", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shape", [(40, 60), (60, 40)])
def test_it_does_what_its_features_do(shape, shift):
    """Rotated, moved, swapped: the same; scaled by a: atoms by a²."""
    rng = RNG(5)
    x, y = rng.normal(size=shape), np.arange(shape[0]) % 2
    x[y == 1, 0] += 2
    one = asy.Spectrum.from_data(x, y)
    turn = scipy.stats.ortho_group.rvs(shape[1], random_state=0)
    moved = asy.Spectrum.from_data(x @ turn + shift, y)
    swapped = asy.Spectrum.from_data(x, 1 - y)
    scaled = asy.Spectrum.from_data(3 * x, y)
    ratio = np.array([0.3, 1.0, 2.0])

    def accuracy(mix, penalty):
        return asy.limit(mix, asy.Logistic(penalty), ratio).accuracy

    for other, penalty in ((moved, 0.1), (swapped, 0.1), (scaled, 0.9)):
        np.testing.assert_allclose(accuracy(other, penalty), accuracy(one, 0.1), atol=2e-6)


def test_singular_covariances():
    rng = RNG(7)
    x, y = rng.normal(size=(100, 20)), np.arange(100) % 2
    x[y == 1, 0] += 3
    for wide in (np.hstack([x, x]), np.hstack([x] * 8), x @ rng.normal(size=(20, 300))):
        found = asy.Spectrum.from_data(wide, y)
        assert found.rank == pytest.approx(20 / wide.shape[1], rel=1e-9)
        assert found.kappa_min == 0 and np.isfinite(found.mahalanobis)
    # a duplicate of every column is the same probe at half the penalty and half the share
    twice = asy.Spectrum.from_data(np.hstack([x, x]), y)
    ours = asy.limit(twice, asy.Ridge(0.2), 0.4).accuracy
    assert ours == pytest.approx(
        asy.limit(asy.Spectrum.from_data(x, y), asy.Ridge(0.1), 0.2).accuracy, abs=1e-9
    )
    # features that never change carry no weight, however few the samples are
    dead = asy.Spectrum.from_data(np.hstack([x[:12], np.full((12, 60), 3.5)]), y[:12])
    assert dead.rank == pytest.approx(20 / 80)
    # a difference where there is no noise at all separates the classes
    sure = asy.Spectrum.from_data(np.hstack([x, np.zeros((100, 20)), y[:, None]]), y)
    assert sure.mahalanobis == np.inf


def test_wide_ranges_of_variance_keep_their_small_ones():
    rng = RNG(8)
    scale = np.geomspace(1e-5, 1e5, 30)
    x, y = rng.normal(size=(200, 30)), np.arange(200) % 2
    x[y == 1, 0] += 2
    for columns in (x * scale, x[:20] * scale):
        found = asy.Spectrum.from_data(columns, y[: len(columns)])
        assert found.rank == pytest.approx(1)
    estimate = asy.Spectrum.from_data(x * scale, y)
    plain = asy.Spectrum.from_data(x, y)
    assert estimate.mahalanobis == pytest.approx(plain.mahalanobis, rel=0.3)


def test_few_samples_of_anything_give_a_spectrum():
    """No fit fails: the noise that is divided by is the sample's own."""
    rng = RNG(11)
    for _ in range(100):
        n, p = rng.integers(4, 16), rng.integers(1, 80)
        d = np.exp(rng.normal(size=p) * rng.choice([0, 1, 3]))
        y = np.arange(n) % 2 if rng.random() < 0.5 else np.arange(n) < 2
        x = rng.normal(size=(n, p)) * np.sqrt(d) + np.multiply.outer(y, np.full(p, rng.random()))
        found = asy.Spectrum.from_data(x, y)
        assert 0 <= asy.limit(found, asy.Ridge(0.1), p / n).accuracy <= 1
        assert (
            np.linalg.eigvalsh(found.estimate.covariance)[0]
            > -1e-9 * found.estimate.covariance.max()
        )


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (np.ones((6, 3)), [0, 1] * 3, "features must vary within the classes"),
        (np.outer([0, 1] * 3, [1.0, 2.0]), [0, 1] * 3, "features must vary within the classes"),
        (np.eye(6), [0] * 6, "at least two classes, got 1"),
        (np.eye(6), [0] * 5 + [1], "at least 2 samples of each class, got 1 of"),
        (np.eye(6), [0, 1, 2, 0, 1, 1], "at least 2 samples of each class, got 1 of 2"),
        (np.eye(6), [0, 1] * 2, "one entry for each of the 6 rows"),
        (np.where(np.eye(6) == 1, np.nan, 0.0), [0, 1] * 3, "finite, got nan in row 0, column 0"),
        (np.where(np.eye(6) == 1, -np.inf, 0.0), [0, 1] * 3, "finite, got -inf in row 0"),
        (np.eye(6)[0], [0, 1] * 3, "non-empty matrix, got shape"),
        (1e200 * np.eye(6), [0, 1] * 3, "largest entry"),
        (1e-200 * np.eye(6), [0, 1] * 3, "largest entry"),
    ],
)
def test_bad_features(features, labels, words):
    with pytest.raises(ValueError, match=words):
        asy.Spectrum.from_data(features, labels)


def test_the_kind_of_labels():
    assert check_two_classes(["cat", "dog", "cat", "dog"], 4).tolist() == [False, True] * 2
    with pytest.raises(TypeError, match="labels must be of one kind"):
        check_two_classes(np.array([0, "a", 0, "a"], dtype=object), 4)


# ------------------------------------------------------------------------- against the population


@pytest.mark.parametrize("n", [60, 150, 240])
def test_energies_are_unbiased_and_their_error_is_known(n):
    """40 samples: z-scores of the mean of Ê, and the spread; without c df both fail."""
    p, trials = 120, 40
    d, e = population("spiked", p)
    rng = RNG(n)
    found = [estimate_from_data(*draw(d, e, n, rng, 0.35)) for _ in range(trials)]
    kappa = np.geomspace(1.5 * max(f.kappa_low for f in found), 30, 6)
    readings = [read(f.sample, kappa) for f in found]
    ours = np.array([r.energy_sum for r in readings])
    truth = (e / (kappa[:, None] + d)).sum(-1)
    known = np.mean([np.diag(f.energy_covariance(kappa)) for f in found], axis=0)
    z = (ours.mean(0) - truth) / np.sqrt(known / trials)
    assert np.all(np.abs(z) < 4)
    df = np.array([r.weight_sum for r in readings]) * p
    naive = ours + found[0].sample.mean_noise * df
    assert np.all((naive.mean(0) - truth) / np.sqrt(known / trials) > 4)
    # of 40 draws the standard deviation is known to 11 %: 4 of that
    assert np.all(np.abs(np.log(ours.var(0, ddof=1) / known)) < 2 * 4 * 0.114)
    weight = (d / (kappa[:, None] + d)).mean(-1)
    np.testing.assert_allclose(np.mean([r.weight_sum for r in readings], 0), weight, rtol=0.01)


def test_pure_noise_predicts_a_coin_and_the_plug_in_does_not():
    rng = RNG(0)
    ours, plug_in = [], []
    for _ in range(12):
        x, y = draw(np.ones(512), np.zeros(512), 150, rng)
        for out, source in ((ours, asy.Spectrum), (plug_in, asy.GaussianMixture)):
            out.append(asy.limit(source.from_data(x, y), asy.Ridge(0.1), 512 / 150).accuracy)
    assert abs(np.mean(ours) - 0.5) < 0.03
    assert np.mean(plug_in) > 0.9


@pytest.mark.parametrize("kind", ["isotropic", "spiked", "power law", "two levels"])
@pytest.mark.parametrize("n", [100, 250])
def test_predictions(kind, n):
    """A few samples of small size: bias within what few samples let one see, beside the plug-in."""
    p, trials = 200, 6
    d, e = population(kind, p)
    rng, sizes = RNG(n), np.array([n / 4, n / 2, n])
    clf = asy.Ridge(0.1)
    truth = asy.limit(spectrum(d, e), clf, p / sizes).accuracy
    errors = {}
    for source in (asy.Spectrum, asy.GaussianMixture):
        draws = [source.from_data(*draw(d, e, n, rng)) for _ in range(trials)]
        errors[source] = np.array([asy.limit(m, clf, p / sizes).accuracy - truth for m in draws])
    ours, plug_in = (np.sqrt(np.square(errors[s]).mean(0)) for s in errors)
    stderr = errors[asy.Spectrum].std(0, ddof=1) / np.sqrt(trials)
    assert np.all(np.abs(errors[asy.Spectrum].mean(0)) < 0.015 + 4 * stderr)
    if kind != "power law":
        assert np.all(plug_in > 1.5 * ours)
