"""Nothing of the signal is lost or made up by a shape: Σ e = |Tμ|² and Σ w = 1, whatever T."""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.reference.arithmetic import new_context
from asymptotics.reference.population import atoms

SEEDS = range(60)


def covariance_factor(rng, p):
    """A factor of p rows, of any rank from 1 to p, in axes of its own or along the coordinates."""
    rank = int(rng.integers(1, p + 1))
    if rng.random() < 0.3:
        return np.eye(p)[:, rng.permutation(p)[:rank]] * rng.uniform(0.5, 2, rank)
    return rng.standard_normal((p, rank))


def mean_of(rng, factor):
    """In the span of the noise, outside of it, or both."""
    p, rank = factor.shape
    inside = factor @ rng.standard_normal(rank)
    outside = rng.standard_normal(p) if rng.random() < 0.6 else np.zeros(p)
    return rng.choice([0.0, 1.0]) * inside + outside + (0.0 if outside.any() else 1.0) * inside


def matrix(rng, p):
    """Tall, wide or square, of any rank, dense or stacked copies of the coordinates."""
    kind = rng.integers(4)
    if kind == 0:
        return np.vstack([np.eye(p)] * int(rng.integers(2, 4)))
    if kind == 1:
        return np.eye(p)[np.sort(rng.permutation(p)[: rng.integers(1, p + 1)])]
    k = int(rng.integers(1, 2 * p + 2))
    rank = int(rng.integers(1, min(k, p) + 1))
    # of whole numbers: a rank that no rounding hides
    parts = rng.integers(-4, 5, (k, rank)), rng.integers(-4, 5, (rank, p))
    product = (parts[0] @ parts[1]) / 8.0
    return product if product.any() else np.ones((k, p))


def projector(rng, p):
    kind = rng.integers(6)
    if kind == 0:
        return asy.Identity()
    if kind == 1:
        return asy.Expansion(rng.choice([0.0, 1e-6, 0.4, 3.0, 1e6]))
    if kind == 2:
        return asy.Power(rng.uniform(0.0, 1.5))
    if kind == 3:
        return asy.LinearMap(matrix(rng, p)) @ asy.Expansion(rng.choice([0.0, 2.5]))
    if kind == 4:
        first = matrix(rng, p)
        return asy.LinearMap(matrix(rng, len(first))) @ asy.LinearMap(first)
    return asy.LinearMap(matrix(rng, p))


def drawn(seed):
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 8))
    factor = covariance_factor(rng, p)
    return rng, factor, mean_of(rng, factor), projector(rng, p)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mixture_in_coordinates(seed):
    _, factor, mean, head = drawn(seed)
    for mix in (
        asy.GaussianMixture(mean, factor @ factor.T),
        asy.GaussianMixture.from_factor(mean, factor),
    ):
        image = mix.spectrum(head)
        t = head.on_coordinates(mix)
        assert image.energies.sum() == pytest.approx(np.square(t @ mean).sum(), rel=1e-9, abs=1e-24)
        assert image.weights.sum() == pytest.approx(1.0, abs=1e-12)
        total = np.square(t @ factor).sum() / mean.size
        assert image.weights @ image.eigenvalues == pytest.approx(total, rel=1e-9, abs=1e-24)


@pytest.mark.parametrize("seed", SEEDS)
def test_several_classes_in_coordinates(seed):
    rng, factor, mean, head = drawn(seed)
    k = int(rng.integers(2, 5))
    means = np.vstack([mean_of(rng, factor) for _ in range(k - 1)] + [mean])
    if isinstance(head, asy.Expansion) or "Expansion" in repr(head):
        pytest.skip("a direction of two classes")
    mix = asy.GaussianClasses(means, factor @ factor.T)
    image, frame = mix.spectrum(head), mix.class_frame()
    t = head.on_classes(frame).block
    image_means = means @ t.T
    size = np.square(image_means).sum()
    expected = image_means @ image_means.T
    assert np.abs(image.energies.sum(0) - expected).max() < 1e-9 * size + 1e-24
    assert image.weights.sum() == pytest.approx(1.0, abs=1e-12)
    total = np.square(t @ factor).sum() / mean.size
    assert image.weights @ image.eigenvalues == pytest.approx(total, rel=1e-9, abs=1e-24)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference(seed):
    """By digits of its own: a tall map of a singular covariance had lost a part of the energy."""
    _, factor, mean, head = drawn(seed)
    mix = asy.GaussianMixture.from_factor(mean, factor)
    t = head.on_coordinates(mix)
    if np.linalg.norm(t @ factor) < 1e-12 * np.linalg.norm(factor):
        pytest.skip("no noise is left")
    image = atoms(new_context(30), mix, head)
    expected = np.square(t @ mean).sum()
    assert float(sum(image.energies)) == pytest.approx(expected, rel=1e-9, abs=1e-20)
    assert float(sum(image.weights)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_a_frame(seed):
    """Spiked mixtures and spectra: the energies are those of the block."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.5:
        spikes = [asy.Spike(rng.uniform(-0.9, 5), rng.uniform(-0.6, 0.6)) for _ in range(2)]
        mix = asy.SpikedMixture(rng.uniform(0.5, 2), rng.uniform(0.5, 2), spikes)
    else:
        weights = rng.dirichlet(np.ones(5))
        energies = rng.uniform(0, 1, 5) * (rng.random(5) < 0.6)
        mix = asy.Spectrum(rng.uniform(0, 2, 5), weights, energies + np.eye(5)[0])
    for head in (
        asy.Identity(),
        asy.Expansion(rng.uniform(0, 3)),
        asy.Power(rng.uniform(0, 1)),
        asy.Power(0.3) @ asy.Expansion(2.0),
        asy.InfoNCE(rng.uniform(0.3, 2)),
        asy.InfoNCE(0.7).projector(mix),
    ):
        frame = mix.frame(head.fresh_axes)
        image = mix.spectrum(head)
        expected = np.square(head.on_frame(frame).block @ frame.mean).sum()
        assert image.energies.sum() == pytest.approx(expected, rel=1e-10)
        assert image.weights.sum() == pytest.approx(1.0, abs=1e-12)


# ------------------------------------------------------------------------- what nobody can see


STACKED = asy.LinearMap(np.vstack([np.eye(3), np.eye(3)]))
SINGULAR = asy.GaussianMixture([1.0, 0.0, 1.0], np.diag([1.0, 1.0, 0.0]))


def test_a_signal_without_noise_survives_a_tall_map():
    lim = asy.limit(SINGULAR, asy.Ridge(0.1), 0.5, STACKED)
    assert lim.accuracy == 1.0
    exact = asy.reference.limit(SINGULAR, asy.Ridge(0.1), 0.5, STACKED)
    assert lim.log_error == pytest.approx(float(np.log(float(exact.error))), rel=1e-6)
    assert asy.separability_threshold(SINGULAR, projector=STACKED) == 0.0
    assert asy.reference.separability_threshold(SINGULAR, projector=STACKED) == 0


@pytest.mark.parametrize("seed", range(25))
def test_no_classifier_sees_an_isometry(seed):
    """Into more dimensions, from any population in coordinates."""
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 7))
    factor = covariance_factor(rng, p)
    mean = mean_of(rng, factor)
    isometry, _ = np.linalg.qr(rng.standard_normal((p + int(rng.integers(0, 5)), p)))
    head = asy.LinearMap(isometry)
    mix = asy.GaussianMixture(mean, factor @ factor.T)
    classes = asy.GaussianClasses(np.stack([-mean, mean, 0.3 * mean[::-1]]), factor @ factor.T)
    for clf in (asy.Ridge(0.2), asy.Logistic(0.5)):
        plain = asy.limit(mix, clf, 0.7)
        assert asy.limit(mix, clf, 0.7, head).log_error == pytest.approx(plain.log_error, rel=1e-7)
    plain = asy.limit(classes, asy.Ridge(0.2), 0.7).accuracy
    assert asy.limit(classes, asy.Ridge(0.2), 0.7, head).accuracy == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_tall_map_against_trained_classifiers(seed):
    """An isotropic block of a singular covariance, its signal partly outside of the noise."""
    rng = np.random.default_rng(seed)
    factor = np.eye(80)[:, :50] + 0.0
    mean = np.r_[np.full(50, 0.15), np.full(30, 0.06)]
    tall = rng.standard_normal((120, 80)) / np.sqrt(80)
    mix, head, clf = asy.GaussianMixture(mean, factor @ factor.T), asy.LinearMap(tall), asy.Ridge(1)
    sim = asy.simulate(mix, clf, None, n=160, trials=40, projector=head, rng=seed)
    lim = asy.limit(mix, clf, 0.5, head)
    assert abs(sim.mean - lim.accuracy) < 4 * sim.stderr + 0.5 / 160
    lost = asy.limit(asy.GaussianMixture(mean * (mean > 0.1), factor @ factor.T), clf, 0.5, head)
    assert abs(sim.mean - lost.accuracy) > 4 * sim.stderr + 0.5 / 160  # without it, not


@pytest.mark.parametrize("seed", range(30))
def test_a_signal_projected_out_is_no_signal_to_trained_rules(seed):
    """What rounding leaves of it, some 1e-16, was information to a rule that knows the covariance."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    energies = rng.uniform(0, 2, count)
    eigenvalues = rng.uniform(0.3, 3, count) * (1.0 + (rng.random(count) < 0.3))
    p = 40
    if seed % 3 == 0:
        mix = asy.Spectrum(eigenvalues, rng.multinomial(p, np.full(count, 1 / count)) / p, energies)
    elif seed % 3 == 1:
        spikes = [asy.Spike(rng.uniform(0.5, 9), rng.uniform(-0.6, 0.6)) for _ in range(2)]
        mix = asy.SpikedMixture(rng.uniform(0.5, 2), spikes=spikes)
    else:
        factor = rng.standard_normal((p, p))
        mix = asy.GaussianMixture(rng.standard_normal(p), factor @ factor.T / p)
    for clf in (asy.Bayes(False), asy.Bayes(), asy.Ridge(0.1, False), asy.Centroid(False)):
        sim = asy.simulate(
            mix, clf, 0.5, n=80, trials=8, projector=asy.Expansion(0.0), rng=seed, fixed_counts=True
        )
        lim = asy.limit(mix, clf, 0.5, asy.Expansion(0.0))
        assert lim.accuracy == pytest.approx(0.5, abs=1e-9)
        assert abs(sim.mean - 0.5) < 4 * sim.stderr + 1e-6, clf
