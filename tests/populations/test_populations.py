"""Populations: their spectra, their samples and their margins against explicit matrices."""

import pickle

import numpy as np
import pytest
from scipy.stats import ortho_group

import asymptotics as asy

EXACT = 1e-12

SPIKES = [
    [],
    [(4.0, 0.5)],
    [(4.0, 0.5), (-0.6, -0.7)],
    [(100.0, 0.99), (9.0, -0.99), (0.5, 0.0)],
    [(2.0, 1.0), (-0.9, 0.1), (3.0, -1.0), (0.0, 0.4), (7.0, 0.3)],
]
PROJECTORS = [
    asy.Identity(),
    asy.Expansion(3.0),
    asy.Expansion(0.0),
    asy.Expansion(1e-3, 0.4),
    asy.Expansion(1e3, -0.9),
    asy.Power(-0.5),
    asy.Power(1.5),
    asy.Expansion(0.3, 0.6) @ asy.Power(0.4),
    asy.Power(0.4) @ asy.Expansion(0.3, 0.6),
    asy.Expansion(2.0, 0.6) @ asy.Expansion(5.0, 0.8),
]


def spiked(spikes, balance=0.3, signal=1.3, noise=0.7):
    return asy.SpikedMixture(signal, noise, [asy.Spike(*spike) for spike in spikes], balance)


def directions(spikes, p):
    """The spikes in R^p, in the coordinates of ``sample``: signal first, then one axis each."""
    out = []
    for axis, (_, cosine) in enumerate(spikes, start=1):
        v = np.zeros(p)
        v[0], v[axis] = cosine, np.sqrt(1 - cosine**2)
        out.append(v)
    return out


def law(spikes, p, signal=1.3, noise=0.7):
    """Mean and covariance of a spiked mixture in R^p."""
    covariance = np.eye(p)
    for (strength, _), v in zip(spikes, directions(spikes, p), strict=True):
        covariance += strength * np.outer(v, v)
    mean = np.zeros(p)
    mean[0] = signal
    return mean, noise**2 * covariance


def matrix(projector, spikes, p, fresh=None, signal=1.3, noise=0.7):
    """The projector as a p × p matrix in the same coordinates; misaligned ones own a later axis."""
    fresh = iter(range(1 + len(spikes), p)) if fresh is None else fresh
    mean, covariance = law(spikes, p, signal, noise)
    if isinstance(projector, asy.Identity):
        return np.eye(p)
    if isinstance(projector, asy.Expansion):
        u = np.zeros(p)
        if projector.spike is not None:
            u = directions(spikes, p)[projector.spike]
        else:
            u[0] = projector.alignment
            if abs(projector.alignment) < 1:
                u[next(fresh)] = np.sqrt(1 - projector.alignment**2)
        return np.eye(p) + (projector.gain - 1) * np.outer(u, u)
    if isinstance(projector, asy.Power):
        values, basis = np.linalg.eigh((covariance + np.outer(mean, mean)) / noise**2)
        return basis * values**projector.exponent @ basis.T
    inner = matrix(projector.inner, spikes, p, fresh, signal, noise)
    return matrix(projector.outer, spikes, p, fresh, signal, noise) @ inner


def resolvents(eigenvalues, energies):
    """Σ e/(x + d) at a few x: what a classifier sees of the energies, whatever their order."""
    x = np.max(eigenvalues) * np.geomspace(1e-3, 10.0, 5)
    return (energies / (x[:, None] + eigenvalues)).sum(-1)


def explicit(mean, covariance):
    eigenvalues, basis = np.linalg.eigh(covariance)
    return np.maximum(eigenvalues, 0.0), (basis.T @ mean) ** 2


# spectra


@pytest.mark.parametrize("spikes", SPIKES, ids=len)
@pytest.mark.parametrize("projector", PROJECTORS, ids=repr)
def test_spectrum_of_a_spiked_mixture(spikes, projector):
    """K atoms and the bulk against all p eigenvalues of T Σ Tᵀ."""
    p, k = 12, 1 + len(spikes) + projector.fresh_axes
    t = matrix(projector, spikes, p)
    mean, covariance = law(spikes, p)
    eigenvalues, energies = explicit(t @ mean, t @ covariance @ t.T)
    spectrum = spiked(spikes).spectrum(projector)
    assert spectrum.eigenvalues.shape == (k + 1,)
    assert spectrum.weights.tolist() == [0.0] * k + [1.0]
    assert spectrum.balance == 0.3
    everything = np.sort(np.append(spectrum.eigenvalues[:k], [spectrum.eigenvalues[k]] * (p - k)))
    # eigh is exact relative to the largest eigenvalue
    np.testing.assert_allclose(everything, eigenvalues, rtol=EXACT, atol=1e-14 * eigenvalues.max())
    np.testing.assert_allclose(
        resolvents(spectrum.eigenvalues, spectrum.energies),
        resolvents(eigenvalues, energies),
        rtol=1e-11,
    )
    # the total is exact, also where a direction is projected out
    total = np.square(t @ mean).sum()
    np.testing.assert_allclose(spectrum.energies.sum(), total, rtol=EXACT, atol=EXACT)


def test_extreme_gains_keep_small_eigenvalues():
    """A gain of 1e3 beside a spike of 100: the smallest eigenvalue is a 1e-10th of the largest."""
    import mpmath

    spikes = [(100.0, 0.99)]
    spectrum = spiked(spikes).spectrum(asy.Expansion(1e3, 0.9))
    with mpmath.workdps(40):
        size = 3
        u, v = mpmath.matrix(size, 1), mpmath.matrix(size, 1)
        u[0], u[2] = mpmath.mpf(0.9), mpmath.sqrt(1 - mpmath.mpf(0.9) ** 2)
        v[0], v[1] = mpmath.mpf(0.99), mpmath.sqrt(1 - mpmath.mpf(0.99) ** 2)
        t = mpmath.eye(size) + 999 * u * u.T
        covariance = mpmath.mpf(0.7) ** 2 * (mpmath.eye(size) + 100 * v * v.T)
        expected = sorted(float(x) for x in mpmath.eigsy(t * covariance * t, eigvals_only=True))
    np.testing.assert_allclose(np.sort(spectrum.eigenvalues[:3]), expected, rtol=1e-9)


@pytest.mark.parametrize("p", [1, 2, 9])
def test_spectrum_of_a_gaussian_mixture(p):
    rng = np.random.default_rng(p)
    root = rng.normal(size=(p, p))
    mean, covariance = rng.normal(size=p), root @ root.T
    spectrum = asy.GaussianMixture(mean, covariance, 0.2).spectrum()
    eigenvalues, energies = explicit(mean, covariance)
    np.testing.assert_allclose(np.sort(spectrum.eigenvalues), eigenvalues, rtol=1e-10)
    np.testing.assert_allclose(spectrum.weights, 1 / p, rtol=EXACT)
    np.testing.assert_allclose(spectrum.energies.sum(), mean @ mean, rtol=EXACT)
    np.testing.assert_allclose(
        resolvents(spectrum.eigenvalues, spectrum.energies),
        resolvents(eigenvalues, energies),
        rtol=1e-11,
    )
    expected = mean @ np.linalg.solve(covariance, mean)
    np.testing.assert_allclose(spectrum.mahalanobis, expected, rtol=1e-9)


def test_realise_is_the_law():
    spikes = SPIKES[2]
    mix = spiked(spikes).realise(7)
    mean, covariance = law(spikes, 7)
    np.testing.assert_allclose(mix.mean, mean, rtol=EXACT)
    np.testing.assert_allclose(mix.covariance, covariance, rtol=EXACT, atol=EXACT)
    assert mix.balance == 0.3
    assert mix.dimension == 7
    first, second = directions(spikes, 7)
    assert first @ second == pytest.approx(0.5 * -0.7)  # the product of the alignments
    with pytest.raises(ValueError, match="dimension must be an integer of at least 3, got 2"):
        spiked(spikes).realise(2)


def test_noise_is_the_root_mean_square():
    mix = asy.GaussianMixture([0.0, 1.0], [[1.0, 0.5], [0.5, 7.0]])
    assert mix.noise == pytest.approx(2.0, rel=EXACT)


# singular covariances


def low_rank(p=10, rank=5, balance=0.4):
    rng = np.random.default_rng(0)
    span = rng.normal(size=(p, rank))
    mean = span @ rng.normal(size=rank) * 0.3
    basis = np.linalg.qr(span)[0]
    whole = asy.GaussianMixture(mean, span @ span.T, balance)
    return whole, asy.GaussianMixture(basis.T @ mean, basis.T @ span @ span.T @ basis, balance)


@pytest.mark.parametrize(
    "clf",
    [
        asy.Ridge(0.1),
        asy.Logistic(0.1),
        asy.MinNorm(),
        asy.MaxMargin(),
        asy.Ridge(0.0),
        asy.Logistic(0.0),
        asy.Bayes(),
        asy.Centroid(),
    ],
    ids=repr,
)
def test_empty_directions_do_not_count(clf):
    """Rank 5 of 10: the five-dimensional population at half the aspect ratio."""
    whole, inside = low_rank()
    assert whole.spectrum().rank == pytest.approx(0.5, rel=EXACT)
    threshold = asy.separability_threshold(whole)
    assert threshold == pytest.approx(2 * asy.separability_threshold(inside), rel=EXACT)
    for gamma in (0.3, 1.5, 4.0):
        lim = asy.limit(whole, clf, gamma, throw=False)
        other = asy.limit(inside, clf, gamma / 2, throw=False)
        assert lim.status == other.status
        found = [lim.accuracy, lim.mean, lim.variance, lim.intercept]
        expected = [other.accuracy, other.mean, other.variance, other.intercept]
        np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize(
    "clf",
    [asy.Bayes(), asy.MinNorm(), asy.MaxMargin(), asy.Ridge(0.1), asy.Logistic(0.1)],
    ids=repr,
)
def test_signal_where_there_is_no_noise(clf):
    """Part of the mean lies outside of the span of the noise: known exactly, once it is seen."""
    whole, _ = low_rank()
    rng = np.random.default_rng(1)
    mix = asy.GaussianMixture(whole.mean + 0.5 * rng.normal(size=10), whole.covariance, 0.4)
    assert mix.spectrum().mahalanobis == np.inf
    assert asy.separability_threshold(mix) == 0.0
    lim = asy.limit(mix, clf, 0.7)
    if isinstance(clf, (asy.Bayes, asy.MinNorm)):  # the latter finds w without noise, γ·rank < 1
        assert lim.accuracy == lim.train_accuracy == 1.0
        assert lim.error == lim.train_loss == 0.0
    else:
        assert np.isfinite([lim.mean, lim.variance, lim.intercept, lim.train_loss]).all()
        assert 0.0 < lim.error < 0.5


def test_estimated_from_fewer_samples_than_dimensions():
    """n points less two class means leave n - 2 directions with variance."""
    features, labels = asy.SpikedMixture(1.0).sample(30, dimension=50, rng=0)
    with pytest.warns(asy.PlugInWarning, match=r"n = 30 .* p = 50"):
        mix = asy.GaussianMixture.from_data(features, labels)
    assert mix.spectrum().rank == pytest.approx(28 / 50, rel=EXACT)
    assert mix.spectrum().mahalanobis == np.inf
    assert asy.limit(mix, asy.Bayes(), 1.2).accuracy == 1.0
    assert 0.5 < asy.limit(mix, asy.Ridge(0.1), 1.2).accuracy < 1.0


# samples


def z_of_mean(points, mean, covariance):
    return (points.mean(0) - mean) / np.sqrt(np.diag(covariance) / len(points))


def z_of_covariance(points, mean, covariance):
    centred = points - mean
    found = centred.T @ centred / len(points)
    size = np.diag(covariance)
    return (found - covariance) / np.sqrt((np.outer(size, size) + covariance**2) / len(points))


def largest_z(features, labels, mean, covariance, balance):
    plus = labels.mean() / 2 + 0.5
    return max(
        abs(plus - balance) / np.sqrt(balance * (1 - balance) / len(labels)),
        np.abs(z_of_mean(features * labels[:, None], mean, covariance)).max(),
        np.abs(z_of_covariance(features * labels[:, None], mean, covariance)).max(),
    )


def test_sample_of_a_spiked_mixture():
    spikes = SPIKES[2]
    features, labels = spiked(spikes).sample(20_000, dimension=6, rng=1)
    assert features.shape == (20_000, 6)
    assert set(labels) == {-1.0, 1.0}
    mean, covariance = law(spikes, 6)
    assert largest_z(features, labels, mean, covariance, 0.3) < 4
    # the negative controls: another alignment, another balance, another signal
    wrong = law([(4.0, 0.4), spikes[1]], 6)
    assert largest_z(features, labels, *wrong, 0.3) > 4
    assert largest_z(features, labels, mean, covariance, 0.32) > 4
    assert largest_z(features, labels, 1.05 * mean, covariance, 0.3) > 4


def test_sample_of_a_gaussian_mixture():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(5, 5))
    mean, covariance = rng.normal(size=5), root @ root.T
    features, labels = asy.GaussianMixture(mean, covariance, 0.7).sample(20_000, rng=3)
    assert features.shape == (20_000, 5)
    assert largest_z(features, labels, mean, covariance, 0.7) < 4
    assert largest_z(features, labels, mean, covariance * 1.1, 0.7) > 4


def test_sample_of_a_spectrum():
    """Two axes that carry energy, then a bulk dealt out by weight: 5, 3 and 2 of ten."""
    law_ = asy.Spectrum([4.0, 1.0, 0.25], [0.5, 0.3, 0.2], [1.0, 0.0, 2.25], 0.4)
    features, labels = law_.sample(20_000, dimension=12, rng=4)
    mean = np.array([1.0, 1.5] + [0.0] * 10)
    covariance = np.diag([4.0, 0.25] + [4.0] * 5 + [1.0] * 3 + [0.25] * 2)
    assert largest_z(features, labels, mean, covariance, 0.4) < 4
    # sampled coordinates have the spectrum they were drawn from, but for the two axes
    frame = law_.frame()
    np.testing.assert_allclose(frame.bulk_deviations(12) ** 2, np.diag(covariance)[2:])


@pytest.mark.parametrize("dimension", [3, 4, 5, 6, 7, 23])
def test_bulk_is_dealt_out_by_largest_remainder(dimension):
    weights = np.array([0.45, 0.35, 0.2])
    law_ = asy.Spectrum([1.0, 2.0, 3.0], weights, [1.0, 0.0, 0.0])
    atoms = law_.frame().bulk_atoms(dimension)
    counts = np.bincount(atoms, minlength=3)
    assert counts.sum() == dimension - 1
    assert np.all(np.abs(counts - weights * (dimension - 1)) < 1)


@pytest.mark.parametrize(
    ("mix", "dimension"),
    [
        (spiked(SPIKES[2]), 8),
        (asy.GaussianMixture([1.0, 0.0], np.eye(2)), 2),
        (asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0]), 8),
    ],
    ids=["SpikedMixture", "GaussianMixture", "Spectrum"],
)
def test_samples_are_reproducible(mix, dimension):
    one, other = (mix.sample(50, dimension, rng=7) for _ in range(2))
    again = mix.sample(50, dimension, rng=np.random.default_rng(7))
    sequence = mix.sample(50, dimension, rng=np.random.SeedSequence(7))
    for first, *rest in zip(one, other, again, sequence, strict=True):
        for second in rest:
            np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one[0], mix.sample(50, dimension, rng=8)[0])
    generator = np.random.default_rng(7)
    first, second = (mix.sample(50, dimension, rng=generator)[0] for _ in range(2))
    np.testing.assert_array_equal(first, one[0])
    assert not np.array_equal(first, second)
    assert not np.array_equal(mix.sample(50, dimension)[0], mix.sample(50, dimension)[0])


def test_sampling_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    spiked([]).sample(10, 4, rng=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# margins


@pytest.mark.parametrize("spikes", SPIKES, ids=len)
@pytest.mark.parametrize("projector", PROJECTORS, ids=repr)
def test_margins_of_a_spiked_mixture(spikes, projector):
    p = 12
    t = matrix(projector, spikes, p)
    mean, covariance = law(spikes, p)
    weights = np.random.default_rng(8).normal(size=(3, p))
    m, q = spiked(spikes).margins(weights, projector)
    expected = np.vecdot(weights @ t @ covariance @ t.T, weights)
    np.testing.assert_allclose(m, weights @ t @ mean, rtol=1e-11, atol=EXACT)
    np.testing.assert_allclose(q, expected, rtol=1e-11)
    single = spiked(spikes).margins(weights[0], projector)
    np.testing.assert_allclose(single, [m[0], q[0]], rtol=EXACT, atol=EXACT)


def test_margins_of_a_gaussian_mixture():
    rng = np.random.default_rng(9)
    root = rng.normal(size=(6, 6))
    mix = asy.GaussianMixture(rng.normal(size=6), root @ root.T)
    for projector in (asy.Identity(), asy.Expansion(2.0), asy.LinearMap(rng.normal(size=(4, 6)))):
        t = projector.on_coordinates(mix)
        weights = rng.normal(size=(3, len(t)))
        m, q = mix.margins(weights, projector)
        np.testing.assert_allclose(m, weights @ t @ mix.mean, rtol=1e-11)
        np.testing.assert_allclose(
            q, np.vecdot(weights @ t @ mix.covariance @ t.T, weights), rtol=1e-11
        )


def test_margins_of_a_spectrum():
    law_ = asy.Spectrum([4.0, 1.0], [0.25, 0.75], [1.0, 2.25])
    weights = np.random.default_rng(10).normal(size=(3, 6))
    # the axes of the frame, then one bulk coordinate of the first kind and three of the other
    mean = np.array([1.0, 1.5, 0, 0, 0, 0])
    covariance = np.diag([4.0, 1.0, 4.0, 1.0, 1.0, 1.0])
    u = mean / np.linalg.norm(mean)
    moment = covariance + np.outer(mean, mean)
    values, basis = np.linalg.eigh(moment / 1.75)  # σ² is the mean variance
    for projector, t in (
        (asy.Identity(), np.eye(6)),
        (asy.Expansion(3.0), np.eye(6) + 2.0 * np.outer(u, u)),
        (asy.Power(0.7), basis * values**0.7 @ basis.T),
    ):
        m, q = law_.margins(weights, projector)
        np.testing.assert_allclose(m, weights @ t @ mean, rtol=1e-11)
        np.testing.assert_allclose(
            q, np.vecdot(weights @ t @ covariance @ t.T, weights), rtol=1e-11
        )


# estimates


LABELS = {
    "signs": (-1, 1),
    "floats": (0.0, 1.0),
    "any floats": (-3.5, 7.25),
    "digits": (3, 8),
    "unsigned": (np.uint8(4), np.uint8(200)),
    "strings": ("cat", "dog"),
    "bools": (False, True),
    "bytes": (b"a", b"b"),
}


def estimate_by_hand(features, plus):
    means = features[plus].mean(0), features[~plus].mean(0)
    scatter = sum(
        (part - part.mean(0)).T @ (part - part.mean(0))
        for part in (features[plus], features[~plus])
    )
    return (means[0] - means[1]) / 2, scatter / (len(features) - 2), plus.mean()


@pytest.mark.parametrize("values", LABELS.values(), ids=LABELS)
def test_from_data(values):
    rng = np.random.default_rng(11)
    plus = rng.random(50) < 0.3
    features = rng.normal(size=(50, 5)) + np.where(plus[:, None], 2.0, 0.5)
    labels = np.where(plus, values[1], values[0])
    mean, covariance, balance = estimate_by_hand(features, plus)
    for given in (labels, labels.tolist(), labels.astype(object)):
        mix = asy.GaussianMixture.from_data(features, given)
        np.testing.assert_allclose(mix.mean, mean, rtol=EXACT)
        np.testing.assert_allclose(mix.covariance, covariance, rtol=EXACT, atol=EXACT)
        assert mix.balance == balance
    # moving the features moves nothing; the other class as +1 is the mirror image
    moved = asy.GaussianMixture.from_data((features + 10.0).tolist(), labels)
    np.testing.assert_allclose(moved.mean, mean, rtol=1e-11)
    flipped = asy.GaussianMixture.from_data(features, np.where(plus, 0, 1))
    np.testing.assert_allclose(flipped.mean, -mean, rtol=EXACT)
    assert flipped.balance == pytest.approx(1 - balance, rel=EXACT)


def test_from_data_finds_the_population():
    truth = spiked(SPIKES[1]).realise(4)
    features, labels = truth.sample(40_000, rng=12)
    mix = asy.GaussianMixture.from_data(features + 3.0, labels)
    size = np.diag(truth.covariance)
    # the difference of two class means, and a covariance with n - 2 degrees of freedom
    spread = np.sqrt(size / (4 * 0.3 * 0.7 * 40_000))
    assert np.abs((mix.mean - truth.mean) / spread).max() < 4
    spread = np.sqrt((np.outer(size, size) + truth.covariance**2) / 40_000)
    assert np.abs((mix.covariance - truth.covariance) / spread).max() < 4
    one = asy.limit(mix, asy.Ridge(0.1), 0.5).accuracy
    assert one == pytest.approx(asy.limit(truth, asy.Ridge(0.1), 0.5).accuracy, abs=0.01)


def test_pooled_covariance_is_unbiased():
    """n - 2 degrees of freedom; n would be 13% short at n = 15."""
    rng = np.random.default_rng(13)
    truth = asy.GaussianMixture([1.0], [[2.0]])
    found = np.array(
        [
            asy.GaussianMixture.from_data(*truth.sample(15, rng=rng)).covariance[0, 0]
            for _ in range(2000)
        ]
    )
    stderr = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - 2.0) / stderr < 4
    assert abs(found.mean() - 2.0 * 13 / 15) / stderr > 4


# objects


def test_arrays_are_copied_and_read_only():
    mean, covariance = np.array([1.0, 0.0]), np.eye(2)
    mix = asy.GaussianMixture(mean, covariance)
    mean[0], covariance[0, 0] = 7.0, 7.0
    assert mix.mean[0] == 1.0
    assert mix.covariance[0, 0] == 1.0
    signal = np.array([1.0, 2.0])
    other = asy.SpikedMixture(signal)
    signal[0] = 7.0
    assert other.signal[0] == 1.0
    for array in (mix.mean, mix.covariance, other.signal):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_populations_are_immutable_and_travel():
    for mix in (
        spiked(SPIKES[2]),
        asy.GaussianMixture([1.0, 0.0], np.eye(2)),
        asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0]),
    ):
        with pytest.raises(AttributeError):
            mix.balance = 0.9
        other = pickle.loads(pickle.dumps(mix))
        assert (
            asy.limit(other, asy.Ridge(0.1), 0.5).accuracy
            == asy.limit(mix, asy.Ridge(0.1), 0.5).accuracy
        )


def test_spikes_may_be_any_sequence():
    spikes = [asy.Spike(4.0, 0.5), asy.Spike(1.0)]
    for given in (spikes, tuple(spikes)):
        assert asy.SpikedMixture(1.0, spikes=given).spikes == tuple(spikes)
    assert asy.SpikedMixture(1.0).spikes == ()


def test_rotated_spikes_are_the_same_population():
    """The negative control of the frame: cosines with the signal matter, coordinates do not."""
    mean, covariance = law(SPIKES[2], 8)
    q = ortho_group.rvs(8, random_state=np.random.default_rng(14))
    rotated = asy.GaussianMixture(q @ mean, q @ covariance @ q.T, 0.3)
    mirrored = asy.GaussianMixture(q @ mean, covariance, 0.3)
    expected = asy.limit(spiked(SPIKES[2]).realise(8), asy.Ridge(0.1), 0.5).accuracy
    assert asy.limit(rotated, asy.Ridge(0.1), 0.5).accuracy == pytest.approx(expected, rel=EXACT)
    assert abs(asy.limit(mirrored, asy.Ridge(0.1), 0.5).accuracy - expected) > 1e-3
