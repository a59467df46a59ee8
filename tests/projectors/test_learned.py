"""Directions learned from unlabelled data: the limits, and real eigenvectors."""

import pickle

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose, assert_array_equal

import asymptotics as asy
from asymptotics.projectors.base import DrawnMap

EXACT = 1e-12
ISOTROPIC = asy.SpikedMixture(1.5)
UNBALANCED = asy.SpikedMixture(2.0, 1.1, balance=0.25)
# The spike has the largest variance: at an angle to the signal, and at a right one.
TILTED = asy.SpikedMixture(1.5, 1.2, [asy.Spike(4.0, 0.5), asy.Spike(-0.6, -0.3)], balance=0.3)
OUTRANKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(6.0)])
MIXTURES = {
    "isotropic": ISOTROPIC,
    "unbalanced": UNBALANCED,
    "tilted": TILTED,
    "outranked": OUTRANKED,
}
RATIOS = (0.2, 1.0, 3.0)


def moment(mix, between):
    """(Σ + between · μμᵀ)/σ² on the axes of signal and spikes, from its definition."""
    size = 1 + len(mix.spikes)
    matrix = np.eye(size)
    for k, spike in enumerate(mix.spikes, start=1):
        v = np.zeros(size)
        v[0], v[k] = spike.alignment, np.sqrt(1 - spike.alignment**2)
        matrix += spike.strength * np.outer(v, v)
    matrix[0, 0] += between * (mix.signal / mix.noise) ** 2
    return matrix


def squared_overlap(strength, ratio):
    """The formula of Baik, Ben Arous, Péché and Paul, as it is printed."""
    if strength <= np.sqrt(ratio):
        return 0.0
    return (1 - ratio / strength**2) / (1 + ratio / strength)


# --------------------------------------------------------------------------- principal component


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_direction(mix):
    between = 4 * mix.balance * (1 - mix.balance)
    values, vectors = np.linalg.eigh(moment(mix, between))
    learned = asy.PCAExpansion(3.0, np.array([*RATIOS, 50.0]))
    found = learned.direction(mix)
    assert_allclose(found.strength, values[-1] - 1, rtol=1e-11)
    assert_allclose(found.threshold, np.sqrt(learned.unlabelled_ratio), rtol=EXACT)
    overlap = [np.sqrt(squared_overlap(values[-1] - 1, r)) for r in learned.unlabelled_ratio]
    assert_allclose(found.overlap, overlap, rtol=1e-11)
    assert overlap[-1] == 0.0  # below the threshold
    axes = np.zeros((1 + len(mix.spikes), 1 + len(mix.spikes)))
    axes[0, 0] = 1
    for k, spike in enumerate(mix.spikes, start=1):
        axes[k, 0], axes[k, k] = spike.alignment, np.sqrt(1 - spike.alignment**2)
    assert_allclose(found.target, np.tile(np.abs(axes @ vectors[:, -1]), (4, 1)), atol=1e-11)
    assert_allclose(found.alignment, found.overlap * found.target[:, 0], rtol=EXACT)
    assert_array_equal(learned.alignment(mix), found.alignment)
    one = asy.PCAExpansion(3.0, 0.2).direction(mix)
    assert all(type(x) is float for x in (one.strength, one.threshold, one.overlap, one.alignment))
    assert one.overlap == found.overlap[0]
    assert pickle.loads(pickle.dumps(one)).strength == one.strength


def test_the_limit_is_that_of_the_aligned_direction():
    """Isotropic: the alignment of design; along a spike: its own direction."""
    clf = asy.Logistic(0.1)
    for mix, scale in ((ISOTROPIC, 1.0), (UNBALANCED, 0.75)):
        for ratio in (0.2, 1.0, 3.0, 40.0):
            strength = scale * (mix.signal / mix.noise) ** 2
            alignment = np.sqrt(squared_overlap(strength, ratio))
            expected = asy.limit(mix, clf, 0.7, asy.Expansion(3.0, alignment)).accuracy
            found = asy.limit(mix, clf, 0.7, asy.PCAExpansion(3.0, ratio)).accuracy
            assert_allclose(found, expected, rtol=1e-8)
    expected = asy.limit(OUTRANKED, clf, 0.7, asy.Expansion(3.0, spike=0)).accuracy
    found = asy.limit(OUTRANKED, clf, 0.7, asy.PCAExpansion(3.0, 1e-14)).accuracy
    assert_allclose(found, expected, rtol=1e-8)


def test_many_unlabelled_points_find_the_population_direction():
    top = np.linalg.eigh(moment(TILTED, 4 * 0.3 * 0.7))[1][:, -1]
    size = 3
    matrix = np.eye(size) + 4.0 * np.outer(top, top)
    expected = TILTED.spectrum(asy.LinearMap(matrix))
    found = TILTED.spectrum(asy.PCAExpansion(5.0, 1e-13))
    for z in (0.1, 1.0):
        sums = [
            (spectrum.energies / (spectrum.eigenvalues + z)).sum() for spectrum in (found, expected)
        ]
        assert_allclose(sums[0], sums[1], rtol=1e-11)


def test_parameters_broadcast():
    mix = asy.SpikedMixture([[1.0], [2.0]], spikes=[asy.Spike(3.0, 0.2)], balance=[0.5, 0.2, 0.3])
    clf = asy.Ridge(0.5)
    gains, ratios = np.array([2.0, 0.5])[:, None, None], np.array([0.1, 1.0, 20.0])
    for kind in (asy.PCAExpansion, asy.SamplePower):
        whole = asy.limit(mix, clf, 0.6, kind(gains, ratios)).accuracy
        assert whole.shape == (2, 2, 3)
        for i, j, k in ((0, 0, 0), (1, 1, 1), (1, 0, 2)):
            one = asy.SpikedMixture(
                mix.signal[j, 0], spikes=mix.spikes, balance=float(mix.balance[k])
            )
            projector = kind(float(gains[i, 0, 0]), float(ratios[k]))
            single = asy.limit(one, clf, 0.6, projector).accuracy
            assert_allclose(whole[i, j, k], single, rtol=1e-9)


def test_a_tie_is_refused_where_it_matters():
    tied = asy.SpikedMixture(1.5, spikes=[asy.Spike(1.5**2)])
    learned = asy.PCAExpansion(3.0, 0.5)
    for question in (
        lambda: asy.limit(tied, asy.Ridge(1.0), 0.5, learned),
        lambda: learned.direction(tied),
        lambda: learned.direction(asy.SpikedMixture([1.5, 1.0], spikes=[asy.Spike(1.5**2)])),
    ):
        with pytest.raises(ValueError, match=r"one direction of largest variance.*3\.25 σ²"):
            question()
    # below the threshold nothing is found, tied or not
    weak = asy.PCAExpansion(3.0, 6.0)
    assert weak.alignment(tied) == 0.0
    random = asy.limit(tied, asy.Ridge(1.0), 0.5, asy.Expansion(3.0, 0.0)).accuracy
    assert_allclose(asy.limit(tied, asy.Ridge(1.0), 0.5, weak).accuracy, random, rtol=1e-9)
    # nuisances of equal strength: which one is expanded makes no difference
    twins = asy.SpikedMixture(1.5, spikes=[asy.Spike(6.0), asy.Spike(6.0)])
    single = asy.SpikedMixture(1.5, spikes=[asy.Spike(6.0), asy.Spike(6.0 - 1e-7)])
    limits = [asy.limit(mix, asy.Ridge(1.0), 0.5, learned).accuracy for mix in (twins, single)]
    assert_allclose(*limits, rtol=1e-7)
    with pytest.raises(ValueError, match="stays random"):
        learned.direction(twins)


# --------------------------------------------------------------------------- sample power


def jacobi(mix, exponent, ratio, size):
    """T = (S/σ²)^a and Σ, μ on the first vectors of the block Krylov space of S and the frame.

    Block bidiagonalisation of a Gaussian sample leaves, in the limit, S/σ² = L Lᵀ with the root of
    the population's second moment in its first block, 1 on its diagonal and √γ below it.
    """
    second = moment(mix, 1.0)
    k = len(second)
    lower = np.eye(size * k) + np.sqrt(ratio) * np.eye(size * k, k=-k)
    root = scipy.linalg.sqrtm(second).real
    lower[:k, :k] = root
    values, basis = np.linalg.eigh(lower @ lower.T)
    map_ = (basis * np.maximum(values, 0) ** exponent) @ basis.T
    covariance, mean = np.eye(size * k), np.zeros(size * k)
    covariance[:k, :k] = moment(mix, 0.0)
    mean[0] = mix.signal
    return map_, covariance * mix.noise**2, mean


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
@pytest.mark.parametrize(("exponent", "ratio"), [(0.5, 0.3), (-0.5, 0.3), (1.0, 3.0), (2.0, 0.6)])
def test_sample_power_against_the_jacobi_matrix(mix, exponent, ratio):
    """A route without any law: the resolvents of TΣT seen from Tμ, from a large matrix."""
    map_, covariance, mean = jacobi(mix, exponent, ratio, 120)
    values, basis = np.linalg.eigh(map_ @ covariance @ map_)
    values, energies = np.maximum(values, 0), np.square(basis.T @ (map_ @ mean))
    found = mix.spectrum(asy.SamplePower(exponent, ratio))
    for z in (0.3, 3.0):
        for power in (1, 2):
            sums = [
                (e * d ** (power - 1) / (d + z) ** power).sum()
                for e, d in ((found.energies, found.eigenvalues), (energies, values))
            ]
            assert_allclose(sums[0], sums[1], rtol=1e-9)


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_sample_power_in_its_limits(mix):
    for exponent in (0.7, -0.5):
        found = asy.limit(mix, asy.Logistic(0.1), 0.7, asy.SamplePower(exponent, 1e-13)).accuracy
        expected = asy.limit(mix, asy.Logistic(0.1), 0.7, asy.Power(exponent)).accuracy
        assert_allclose(found, expected, rtol=1e-8)
    for ratio in (0.3, 4.0):  # to the power 0 it is the identity, whatever S
        found = asy.limit(mix, asy.Logistic(0.1), 0.7, asy.SamplePower(0.0, ratio)).accuracy
        assert_allclose(found, asy.limit(mix, asy.Logistic(0.1), 0.7).accuracy, rtol=1e-8)


def test_moments_of_a_sample_power():
    """a = 1: tr TΣT/p = σ²(1 + γ) and |Tμ|² = s²(c² + γc) by hand; T of full rank keeps D²."""
    for ratio in (0.2, 1.0, 3.0):
        spectrum = UNBALANCED.spectrum(asy.SamplePower(1.0, ratio))
        c = 1 + (2.0 / 1.1) ** 2
        assert_allclose(spectrum.weights @ spectrum.eigenvalues, 1.21 * (1 + ratio), rtol=EXACT)
        assert_allclose(spectrum.energies.sum(), 4.0 * (c**2 + ratio * c), rtol=EXACT)
        assert_allclose(spectrum.rank, min(1, 1 / ratio), rtol=EXACT)
    for mix in MIXTURES.values():
        whitened = mix.spectrum(asy.SamplePower(-0.5, 0.6))
        assert_allclose(whitened.mahalanobis, mix.spectrum().mahalanobis, rtol=1e-11)
        # min(1, 1/γ) of a generic direction is left, more of one with signal
        lost = mix.spectrum(asy.SamplePower(0.5, 4.0)).mahalanobis / mix.spectrum().mahalanobis
        assert 0.25 < lost < 1


def test_every_classifier_has_a_limit_behind_a_sample_power():
    projector = asy.SamplePower(0.5, 2.0)
    for clf in (
        asy.Ridge(0.1),
        asy.Logistic(0.1),
        asy.SVM(0.1),
        asy.SquaredHinge(0.1),
        asy.MaxMargin(),
        asy.MinNorm(),
        asy.Centroid(),
        asy.Bayes(),
    ):
        for mix in (ISOTROPIC, TILTED):
            found = asy.limit(mix, clf, 1.5, projector)
            assert found.residual < 1e-9
            assert 0.6 < found.accuracy < 0.95


# --------------------------------------------------------------------------- real eigenvectors


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_eigenvectors_of_real_samples(mix, ratio):
    """Squared components along the top direction, and along all others of the frame."""
    p, draws = 250, 12
    learned = asy.PCAExpansion(2.0, ratio)
    found = learned.direction(mix)
    between = 4 * mix.balance * (1 - mix.balance)
    _, vectors = np.linalg.eigh(moment(mix, between))
    squares = []
    for seed in range(draws):
        drawn = learned.draw(mix, p, rng=seed)
        u = drawn.right[:, 0]
        assert_allclose(u @ u, 1, rtol=EXACT)
        squares.append((vectors.T @ u[: len(vectors)]) ** 2)
    squares = np.array(squares)
    error = squares.std(0, ddof=1) / np.sqrt(draws)
    allowance = 8 / p  # the finite-size correction, of order 1/p
    # in the frame, what is not along the top direction is noise of order 1/p
    assert np.all(np.abs(squares[:, :-1].mean(0)) < 4 * error[:-1] + allowance)
    off = abs(squares[:, -1].mean() - found.overlap**2)
    assert off < 4 * error[-1] + allowance
    # the negative control: the population's own direction
    assert abs(squares[:, -1].mean() - 1.0) > 4 * error[-1] + allowance


SIMULATED = {
    "isotropic": (ISOTROPIC, asy.Ridge(1.0), 6.0),
    "unbalanced": (UNBALANCED, asy.Ridge(1.0), 0.3),
    "tilted": (TILTED, asy.Ridge(1.0), 6.0),
    "outranked": (OUTRANKED, asy.Ridge(1.0), 6.0),
    "logistic": (ISOTROPIC, asy.Logistic(0.1), 0.3),
}


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(("mix", "clf", "gain"), SIMULATED.values(), ids=SIMULATED)
def test_expansion_of_real_eigenvectors(mix, clf, gain, ratio):
    n, trials = (300, 40) if isinstance(clf, asy.Ridge) else (200, 24)
    learned = asy.PCAExpansion(gain, ratio)
    sim = asy.simulate(mix, clf, 0.8, n=n, trials=trials, projector=learned, rng=2)
    assert sim.method == "direct"
    allowance = 1.0 / n  # bias of order 1/n: of labelled and of unlabelled points
    expected = asy.limit(mix, clf, sim.aspect_ratio, learned).accuracy
    assert abs(sim.mean - expected) < 4 * sim.stderr + allowance
    if ratio >= 1.0:  # the negative control: as if the signal itself had been found
        wrong = asy.limit(mix, clf, sim.aspect_ratio, asy.Expansion(gain)).accuracy
        assert abs(sim.mean - wrong) > 4 * sim.stderr + allowance


@pytest.mark.parametrize(
    ("mix", "clf", "exponent", "ratio"),
    [
        (ISOTROPIC, asy.Ridge(1.0), -0.5, 0.5),
        (UNBALANCED, asy.Ridge(1.0), 1.0, 1.0),
        (TILTED, asy.Ridge(1.0), 0.5, 3.0),
        (TILTED, asy.Logistic(0.1), -0.5, 0.8),
        (OUTRANKED, asy.Ridge(1.0), 1.0, 0.5),
        (TILTED, asy.Logistic(0.1), 1.0, 3.0),
    ],
)
def test_powers_of_real_samples(mix, clf, exponent, ratio):
    n, trials = (300, 40) if isinstance(clf, asy.Ridge) else (200, 24)
    learned = asy.SamplePower(exponent, ratio)
    sim = asy.simulate(mix, clf, 0.8, n=n, trials=trials, projector=learned, rng=3)
    allowance = 2.0 / n
    expected = asy.limit(mix, clf, sim.aspect_ratio, learned).accuracy
    assert abs(sim.mean - expected) < 4 * sim.stderr + allowance
    # the negative control: the population's second moment
    wrong = asy.limit(mix, clf, sim.aspect_ratio, asy.Power(exponent)).accuracy
    assert abs(sim.mean - wrong) > 4 * sim.stderr + allowance


# --------------------------------------------------------------------------- the machinery


def test_drawn_maps_are_what_they_say():
    """Each against the matrix that NumPy makes of the same unlabelled points."""
    p = 30
    for ratio in (0.3, 2.0):
        count = round(p / ratio)
        points, _ = TILTED.sample(count, p, np.random.default_rng(5))
        u = np.linalg.eigh(np.cov(points.T))[1][:, -1]
        second = points.T @ points / count / TILTED.noise**2
        values, basis = np.linalg.eigh(second)
        expected = {
            asy.PCAExpansion(3.0, ratio): np.eye(p) + 2.0 * np.outer(u, u),
            asy.PCAExpansion(0.0, ratio): np.eye(p) - np.outer(u, u),
            asy.SamplePower(0.5, ratio): (basis * np.sqrt(np.maximum(values, 0))) @ basis.T,
            asy.SamplePower(2.0, ratio): second @ second,
            asy.SamplePower(0.0, ratio): np.eye(p),
        }
        if ratio < 1:
            expected[asy.SamplePower(-1.0, ratio)] = np.linalg.inv(second)
        for learned, matrix in expected.items():
            drawn = learned.draw(TILTED, p, rng=5)
            assert_allclose(drawn.matrix_alone, matrix, atol=1e-7)  # √ of a rounding error of 0
            assert_allclose(drawn.transform(points, TILTED), points @ matrix.T, atol=1e-6)
            law, weights = TILTED.realise(p), points[:2]
            m, q = drawn.margins(weights, TILTED)
            pulled = weights @ matrix
            assert_allclose(m, pulled @ law.mean, atol=1e-6)
            assert_allclose(q, np.einsum("ij,jk,ik->i", pulled, law.covariance, pulled), rtol=1e-6)


def test_more_points_than_fit_in_memory_at_once(monkeypatch):
    learned = asy.SamplePower(1.0, 0.1)
    monkeypatch.setattr("asymptotics.projectors.learned._BLOCK", 90)
    points = []
    rng = np.random.default_rng(1)
    for size in (90, 90, 20):
        points.append(TILTED.sample(size, 20, rng)[0])
    every = np.concatenate(points)
    expected = every.T @ every / 200 / TILTED.noise**2
    assert_allclose(learned.draw(TILTED, 20, rng=1).matrix_alone, expected, rtol=1e-9, atol=1e-12)


def test_the_labelled_draw_stays_what_it_was():
    same = {"aspect_ratio": 0.5, "n": 60, "trials": 4, "rng": 1, "method": "direct"}
    plain = asy.simulate(ISOTROPIC, asy.Ridge(0.5), **same)
    for idle in (asy.PCAExpansion(1.0, 0.7), asy.SamplePower(0.0, 0.7)):
        beside = asy.simulate(ISOTROPIC, asy.Ridge(0.5), projector=idle, **same)
        assert_allclose(beside.accuracy, plain.accuracy, rtol=EXACT)
    strong = asy.simulate(ISOTROPIC, asy.Ridge(0.5), projector=asy.PCAExpansion(4.0, 0.7), **same)
    assert np.all(strong.accuracy != plain.accuracy)


def test_a_broadcast_is_its_elements_to_the_last_bit():
    same = {"aspect_ratio": 0.5, "n": 60, "trials": 3, "rng": 1}
    gains, ratios = np.array([[2.0], [0.5]]), np.array([0.5, 2.0])
    for kind in (asy.PCAExpansion, asy.SamplePower):
        whole = asy.simulate(TILTED, asy.Ridge(0.5), projector=kind(gains, ratios), **same)
        again = asy.simulate(
            TILTED, asy.Ridge(0.5), projector=kind(gains, ratios), n_jobs=2, **same
        )
        assert_array_equal(whole.accuracy, again.accuracy)
        for i, j in np.ndindex(2, 2):
            projector = kind(gains[i, 0], ratios[j])
            one = asy.simulate(TILTED, asy.Ridge(0.5), projector=projector, **same)
            assert_array_equal(whole.accuracy[:, i, j], one.accuracy)
        assert len(np.unique(whole.accuracy)) == whole.accuracy.size


def test_every_trial_draws_unlabelled_points_of_its_own():
    """Bayes forgets the labelled points: behind a direction projected out only û is random."""
    sim = asy.simulate(
        ISOTROPIC, asy.Bayes(), 0.5, n=40, trials=5, projector=asy.PCAExpansion(0.0, 0.5), rng=0
    )
    assert np.unique(sim.accuracy).size == 5
    invertible = asy.PCAExpansion(3.0, 0.5)
    sim = asy.simulate(ISOTROPIC, asy.Bayes(), 0.5, n=40, trials=3, projector=invertible, rng=0)
    assert_allclose(sim.accuracy, asy.limit(ISOTROPIC, asy.Bayes(), 0.5).accuracy, rtol=1e-10)


def test_simulation_of_other_populations():
    """A matrix of the same law has the limit of the spiked mixture; a Spectrum is simulated too."""
    p, n = 160, 200
    learned, clf = asy.PCAExpansion(6.0, 1.0), asy.Ridge(1.0)
    same = {"n": n, "trials": 40, "rng": 4}
    sim = asy.simulate(TILTED.realise(p), clf, projector=learned, **same)
    expected = asy.limit(TILTED, clf, p / n, learned).accuracy
    assert abs(sim.mean - expected) < 4 * sim.stderr + 1.0 / n
    spectrum = ISOTROPIC.spectrum()
    sim = asy.simulate(spectrum, clf, p / n, projector=asy.SamplePower(0.5, 1.0), **same)
    expected = asy.limit(ISOTROPIC, clf, p / n, asy.SamplePower(0.5, 1.0)).accuracy
    assert abs(sim.mean - expected) < 4 * sim.stderr + 1.0 / n


def test_bayes_behind_a_drawn_map_of_a_spectrum():
    """A map that can be inverted takes nothing away from the classifier that knows all."""
    spectrum = asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.5], balance=0.3)
    expected = asy.limit(spectrum, asy.Bayes(), 0.5).accuracy
    twice = asy.SamplePower(0.5, 0.5) @ asy.PCAExpansion(2.0, 0.5)
    for learned in (asy.PCAExpansion(2.0, 0.5), asy.SamplePower(0.5, 0.5), twice):
        sim = asy.simulate(spectrum, asy.Bayes(), 0.5, n=40, trials=3, projector=learned, rng=0)
        np.testing.assert_allclose(sim.accuracy, expected, rtol=1e-12)
    lost = asy.simulate(
        spectrum, asy.Bayes(), 0.5, n=40, trials=3, projector=asy.PCAExpansion(0.0, 0.5), rng=0
    )
    assert np.all(lost.accuracy < expected - 1e-6)  # this one cannot


def test_compositions():
    clf, same = asy.Ridge(1.0), {"n": 300, "trials": 40, "rng": 5}
    for projector in (
        asy.Expansion(2.0) @ asy.PCAExpansion(3.0, 1.0),
        asy.PCAExpansion(3.0, 1.0) @ asy.Expansion(0.5, 0.6),
        asy.PCAExpansion(3.0, 1.0) @ asy.PCAExpansion(2.0, 0.5),  # each from points of its own
    ):
        sim = asy.simulate(ISOTROPIC, clf, 0.5, projector=projector, **same)
        expected = asy.limit(ISOTROPIC, clf, 0.5, projector).accuracy
        assert abs(sim.mean - expected) < 4 * sim.stderr + 1.0 / 300
    idle = asy.Identity() @ asy.SamplePower(0.5, 1.0)
    expected = asy.limit(ISOTROPIC, clf, 0.5, asy.SamplePower(0.5, 1.0)).accuracy
    assert asy.limit(ISOTROPIC, clf, 0.5, idle).accuracy == expected
    both = asy.SamplePower(0.5, 1.0) @ asy.Expansion(2.0)
    with pytest.raises(TypeError, match="projector must not compose a SamplePower"):
        asy.limit(ISOTROPIC, clf, 0.5, both)
    reduced = asy.LinearMap(np.eye(10, 20)) @ both
    for projector in (both, reduced):
        sim = asy.simulate(ISOTROPIC, clf, 0.5, n=40, trials=2, projector=projector, rng=0)
        assert np.all(sim.accuracy > 0.5)
    drawn = reduced.draw(ISOTROPIC, 20, rng=0)
    assert isinstance(drawn, DrawnMap)
    assert drawn.matrix_alone.shape == (10, 20)
    settled = asy.Expansion(2.0) @ asy.Power(0.5)
    assert settled.draw(ISOTROPIC, 20, rng=0) is settled


def test_a_sweep_takes_learned_projectors(tmp_path):
    grid = {"unlabelled_ratio": [0.5, 2.0], "gain": [1.0, 3.0]}
    arguments = {"n": 40, "trials": 3, "rng": 0, "projector": asy.PCAExpansion(1.0, 1.0)}
    first, second = (
        asy.sweep(ISOTROPIC, asy.Ridge(1.0), 0.5, grid=grid, checkpoint=tmp_path, **arguments)
        for _ in range(2)
    )
    assert first.equals(second)
    assert set(first.sizes) >= {"unlabelled_ratio", "gain"}


# --------------------------------------------------------------------------- refusals


MATRIX = asy.GaussianMixture([1.0, 0.0], np.eye(2))
SPECTRUM = asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0])


@pytest.mark.parametrize("learned", [asy.PCAExpansion(2.0, 0.5), asy.SamplePower(0.5, 0.5)])
def test_refusals(learned):
    clf = asy.Ridge(1.0)
    for mix in (MATRIX, SPECTRUM):
        for projector in (learned, learned @ asy.Expansion(2.0), asy.Expansion(2.0) @ learned):
            with pytest.raises(TypeError, match="mix must be a SpikedMixture") as failure:
                asy.limit(mix, clf, 0.5, projector)
            assert type(mix).__name__ in str(failure.value)
    with pytest.raises(TypeError, match=r"projector must be drawn.*got"):
        learned.transform(np.eye(3), ISOTROPIC)
    with pytest.raises(TypeError, match="projector must be Identity or an Expansion"):
        asy.gradient(ISOTROPIC, clf, 0.5, learned)
    with pytest.raises(TypeError, match="projector must have an exact form"):
        asy.reference.limit(ISOTROPIC, clf, 0.5, learned)
    with pytest.raises(ValueError, match="exact-law': projector must not be learned"):
        asy.simulate(ISOTROPIC, clf, 0.5, n=20, projector=learned, method="exact-law")
    with pytest.raises(ValueError, match=r"draw needs a single projector.*\(2,\)"):
        type(learned)([0.5, 1.0], 0.5).draw(ISOTROPIC, 20, rng=0)
    with pytest.raises(ValueError, match="unlabelled_ratio must be at most"):
        type(learned)(0.5, 100.0).draw(ISOTROPIC, 20, rng=0)
    with pytest.raises(ValueError, match=r"trial 0 .*unlabelled_ratio must be at most"):
        asy.simulate(ISOTROPIC, clf, 0.5, n=40, projector=type(learned)(0.5, 100.0), rng=0)


def test_refusals_of_sample_power():
    with pytest.raises(ValueError, match=r"unlabelled_ratio must be in \(0, 1\).*got 1.5"):
        asy.SamplePower([-0.5, 0.5], [1.5, 1.5])
    asy.SamplePower([-0.5, 0.5], [0.5, 1.5])
    with pytest.raises(ValueError, match="exponent must keep"):
        asy.limit(ISOTROPIC, asy.Ridge(1.0), 0.5, asy.SamplePower(1000.0, 0.5))
    flat = asy.GaussianMixture([1.0, 0.0, 0.0], np.diag([1.0, 1.0, 0.0]))
    for learned in (asy.SamplePower(0.5, 0.1), asy.PCAExpansion(2.0, 0.1)):
        with pytest.raises(TypeError, match=r"got a GaussianMixture$"):  # and not its numbers
            asy.limit(flat, asy.Ridge(1.0), 0.5, learned)
    with pytest.raises(ValueError, match="exponent must be non-negative"):
        asy.SamplePower(-0.5, 0.1).draw(flat, 3, rng=0)


@pytest.mark.slow
def test_extrapolated_simulation_meets_the_limit_behind_a_sample_power():
    """Without an allowance: the bias of order 1/n is extrapolated away, with stated risks."""
    learned = asy.SamplePower(0.5, 3.0)
    found = asy.testing.assert_converges(
        TILTED, asy.Ridge(1.0), 0.8, projector=learned, n=(100, 200), resolution=0.01, rng=0
    )
    wrong = asy.limit(TILTED, asy.Ridge(1.0), 0.8, asy.Power(0.5)).accuracy
    assert abs(found.estimate - wrong) > found.threshold * found.stderr
