"""Leading components of unlabelled data: real eigenvectors against the law, two classes and K."""

import dataclasses

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.random_matrices.marchenko_pastur import spectral_law, upper_angle, upper_mass
from asymptotics.random_matrices.truncation import kept_squares

# What n of a few hundred may be beside the limit, in accuracy.
FINITE = 1.0 / 300
TWO = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5), asy.Spike(-0.6, 0.3)], balance=0.4)
MEANS = [[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]]
PRIORS = [0.5, 0.3, 0.2]
THREE = asy.ClassMixture(MEANS, np.diag([2.0, 0.7]), priors=PRIORS)
OWN = asy.ClassMixture(MEANS, [np.diag([2, 0.7]), np.eye(2), [[1, 0.4], [0.4, 2]]], priors=PRIORS)
CLUSTERS = dataclasses.replace(THREE, labels=[1, -1, 1])


def z_score(mix, clf, gamma, projector, expected, n=400, trials=24):
    sim = asy.simulate(mix, clf, gamma, n=n, trials=trials, projector=projector, rng=1)
    return max(abs(sim.mean - expected) - FINITE, 0.0) / sim.stderr


CASES = {
    "few, two": (TWO, asy.Ridge(0.1), asy.PCATruncation(0.1, 0.5)),
    "some, two": (TWO, asy.Logistic(0.1), asy.PCATruncation(0.3, 0.5)),
    "nearly all, two": (TWO, asy.SVM(0.1), asy.PCATruncation(0.9, 0.5)),
    "fewer points than dimensions": (TWO, asy.Ridge(0.1), asy.PCATruncation(0.3, 2.0)),
    "known parameters": (TWO, asy.Bayes(), asy.PCATruncation(0.3, 0.5)),
    "one, two": (TWO, asy.Ridge(0.1), asy.PCATruncation(1, 0.2)),
    "two, two": (TWO, asy.Logistic(0.1), asy.PCATruncation(2, 0.2)),
    "ridge": (THREE, asy.Ridge(0.1), asy.PCATruncation(0.4, 0.5)),
    "ridge, no b": (THREE, asy.Ridge(0.1, fit_intercept=False), asy.PCATruncation(0.4, 0.5)),
    "softmax": (THREE, asy.Softmax(0.1), asy.PCATruncation(0.4, 0.5)),
    "Bayes": (THREE, asy.Bayes(), asy.PCATruncation(0.4, 0.5)),
    "own covariances": (OWN, asy.Ridge(0.1), asy.PCATruncation(0.4, 0.5)),
    "clusters": (CLUSTERS, asy.Logistic(0.1), asy.PCATruncation(0.4, 0.5)),
    "one of two": (THREE, asy.Ridge(0.1), asy.PCATruncation(1, 0.2)),
    "both": (THREE, asy.Softmax(0.1), asy.PCATruncation(2, 0.2)),
    "expanded": (THREE, asy.Ridge(0.1), asy.PCAExpansion(3.0, 0.3, components=2)),
    "expanded, softmax": (THREE, asy.Softmax(0.1), asy.PCAExpansion(3.0, 0.3)),
    "expanded, own": (OWN, asy.Ridge(0.1), asy.PCAExpansion(3.0, 0.3, components=2)),
    "expanded, two": (TWO, asy.Ridge(0.1), asy.PCAExpansion(3.0, 0.3, components=2)),
    "composed": (OWN, asy.Ridge(0.1), asy.Power(0.3) @ asy.PCAExpansion(3.0, 0.3, components=2)),
}


@pytest.mark.parametrize("case", CASES)
def test_trained_classifiers(case):
    mix, clf, projector = CASES[case]
    lim = asy.limit(mix, clf, 0.5, projector)
    assert z_score(mix, clf, 0.5, projector, lim.accuracy) < 4


def test_wrong_laws_fail():
    """The population's own components, and as many that are chosen without looking."""
    clf, few = asy.Ridge(0.1), asy.PCATruncation(0.2, 1.5)
    many = dataclasses.replace(few, unlabelled_ratio=0.01)
    for mix in (TWO, THREE):
        known = asy.limit(mix, clf, 0.5, many).accuracy
        assert z_score(mix, clf, 0.5, few, known) > 4
    one, both = (asy.PCAExpansion(6.0, 0.2, components=c) for c in (1, 2))
    ridge = asy.Ridge(1.0)
    other, own = (asy.limit(THREE, ridge, 2.0, projector).accuracy for projector in (one, both))
    assert z_score(THREE, ridge, 2.0, both, other, n=200) > 4
    assert z_score(THREE, ridge, 2.0, both, own, n=200) < 4


@pytest.mark.parametrize("ratio", [0.2, 1.0, 2.5])
@pytest.mark.parametrize("variance", [1.0, 1.3, 4.0, 0.2])
def test_mass_above_a_cut(ratio, variance):
    """All of it is what the law has; a part is what real eigenvectors have."""
    law = spectral_law(variance, ratio)
    whole = law.masses[1:].sum() if variance >= 1 else law.masses[2:].sum()
    assert upper_mass(variance, ratio, np.pi) == pytest.approx(whole, abs=1e-12)
    shares = np.array([0.1, 0.3])
    np.testing.assert_allclose(upper_mass(1.0, ratio, upper_angle(shares, ratio)), shares, 1e-12)
    rng, p = np.random.default_rng(4), 400
    found = []
    for _ in range(12):
        points = rng.standard_normal((round(p / ratio), p))
        points[:, 0] *= np.sqrt(variance)
        _, _, axes = np.linalg.svd(points, full_matrices=False)
        found.append([(axes[: round(share * p), 0] ** 2).sum() for share in shares])
    expected = kept_squares(np.array([variance]), shares, np.array(ratio))[:, 0]
    error = np.std(found, axis=0, ddof=1) / np.sqrt(12) + 0.01
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 4 * error)


def test_all_components_change_nothing():
    near = asy.PCATruncation(1 - 1e-12, 0.5)
    for mix, clf in ((TWO, asy.Logistic(0.1)), (THREE, asy.Ridge(0.1))):
        whole, kept = asy.limit(mix, clf, 0.5), asy.limit(mix, clf, 0.5, near)
        assert kept.accuracy == pytest.approx(whole.accuracy, abs=1e-6)


def test_a_number_is_a_vanishing_share():
    small = asy.PCATruncation(1e-7, 0.3)
    for mix, clf in ((TWO, asy.SVM(0.1)), (THREE, asy.Ridge(0.1)), (OWN, asy.Ridge(0.1))):
        number = asy.limit(mix, clf, 0.5, asy.PCATruncation(9, 0.3)).accuracy
        assert asy.limit(mix, clf, 0.5, small).accuracy == pytest.approx(number, abs=1e-5)


def test_two_classes_are_two_of_k():
    two = asy.SpikedMixture(1.5, balance=0.3)
    same = asy.ClassMixture([[-1.5], [1.5]], priors=[0.7, 0.3])
    for projector in (
        asy.PCATruncation(0.3, 0.5),
        asy.PCATruncation(1, 0.5),
        asy.PCAExpansion(3.0, 0.5),
    ):
        one, other = (asy.limit(mix, asy.Ridge(0.1), 0.5, projector) for mix in (two, same))
        assert one.accuracy == pytest.approx(other.accuracy, abs=1e-12)


def test_arrays_are_elements():
    k, ratio = np.array([[0.1], [1], [3]]), np.array([0.2, 0.9])
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)], balance=0.4)
    together = asy.limit(mix, asy.Ridge(0.1), 0.5, asy.PCATruncation(k, ratio)).accuracy
    for i, j in np.ndindex(3, 2):
        alone = asy.PCATruncation(float(k[i, 0]), float(ratio[j]))
        expected = asy.limit(mix, asy.Ridge(0.1), 0.5, alone).accuracy
        assert together[i, j] == pytest.approx(expected, abs=1e-12)


def test_which_components_are_signal():
    means = np.pad(MEANS, ((0, 0), (0, 1)))
    mix = asy.ClassMixture(means, np.diag([1.0, 1.0, 6.0]), priors=PRIORS)
    projector = asy.PCAExpansion(2.0, 0.3, components=4)
    found = projector.direction(mix)
    np.testing.assert_array_equal(found.alignment > 0, [False, True, True, False])
    # the real ones
    drawn = projector.draw(mix, 600, rng=0)
    seen = np.linalg.norm(drawn.right[:2, ::-1], axis=0)
    np.testing.assert_allclose(seen[:3], found.alignment[:3], atol=0.08)


def test_what_is_refused_by_name():
    tied = asy.ClassMixture.simplex(4, 4.0)
    clf = asy.Ridge(0.1)
    for projector, word in (
        (asy.PCATruncation(2, 0.5), "k must keep all or none"),
        (asy.PCAExpansion(2.0, 0.5, components=2), "components must hold all or none"),
    ):
        with pytest.raises(ValueError, match=word):
            asy.limit(tied, clf, 0.5, projector)
    asy.limit(tied, clf, 0.5, asy.PCATruncation(3, 0.5))
    for mix in (
        asy.GaussianMixture(np.ones(3), np.eye(3)),
        asy.GaussianClasses(np.eye(3), np.eye(3)),
        THREE.spectrum(),
    ):
        for projector in (asy.PCATruncation(2, 0.5), asy.PCAExpansion(2.0, 0.5)):
            with pytest.raises(TypeError, match="SpikedMixture or ClassMixture"):
                asy.limit(mix, clf, 0.5, projector)
    for mix in (TWO, THREE):
        with pytest.raises(TypeError, match="PCATruncation"):
            asy.limit(mix, clf, 0.5, asy.Expansion(2.0) @ asy.PCATruncation(0.2, 0.5))
        with pytest.raises(ValueError, match="k must be at most 39"):
            asy.simulate(mix, clf, 0.5, n=160, trials=1, projector=asy.PCATruncation(50, 2.0))
