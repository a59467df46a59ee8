"""Classes of real features taken apart into clusters."""

import numpy as np
import pytest

import asymptotics as asy

MEANS = np.array([[0.0, 6, 0], [4, 2, 0], [-4, 3, 1], [-5, -2, 0], [0, -5, 0], [5, -4, -1]])
LABELS = np.array([0, 0, 1, 1, 2, 2])
TRUE = asy.GaussianClasses(
    np.pad(MEANS, ((0, 0), (0, 5))),
    [np.diag([0.3 + 0.2 * k, 1.0, 0.5, 1, 1, 1, 1, 1]) for k in range(6)],
    priors=[0.2, 0.1, 0.1, 0.2, 0.3, 0.1],
    labels=LABELS,
)


def drawn(n=20000):
    return TRUE.sample(n, rng=0, fixed_counts=True)


def test_clusters_are_found():
    features, labels = drawn()
    found = asy.GaussianMixture.from_data(features, labels, shared_covariance=False, clusters=2)
    np.testing.assert_array_equal(found.labels, LABELS)
    # the origin is the average of the class means; clusters of a class come in any order
    origin = np.mean([features[labels == k].mean(0) for k in range(3)], axis=0)
    for k in range(6):
        own = np.flatnonzero(LABELS[k] == LABELS)
        gaps = np.abs(found.means[own] + origin - TRUE.means[k]).max(1)
        nearest = own[gaps.argmin()]
        assert gaps.min() < 0.15
        assert found.priors[nearest] == pytest.approx(TRUE.priors[k], abs=0.01)
        np.testing.assert_allclose(found.covariance[nearest], TRUE.covariance[k], atol=0.2)


@pytest.mark.parametrize("clf", [asy.Ridge(0.1), asy.Centroid()], ids=repr)
def test_what_is_predicted(clf):
    """Clusters are predicted to within noise, which a covariance for each class is not."""
    features, labels = drawn()
    truth = asy.limit(TRUE, clf, 0.05).accuracy
    clusters = asy.GaussianMixture.from_data(features, labels, False, 2)
    each = asy.GaussianMixture.from_data(features, labels, False)
    assert asy.limit(clusters, clf, 0.05).accuracy == pytest.approx(truth, abs=0.002)
    assert abs(asy.limit(each, clf, 0.05).accuracy - truth) > 0.01


def test_a_law_of_the_first_two_moments_is_kept():
    """Clusters have, together, the mean and the scatter of their class."""
    features, labels = drawn(900)
    features -= np.mean([features[labels == k].mean(0) for k in range(3)], axis=0)
    found = asy.GaussianMixture.from_data(features, labels, False, 3)
    for k in range(3):
        own, points = found.labels == k, features[labels == k]
        share, sizes = found.priors[own] / found.priors[own].sum(), 900 * found.priors[own]
        np.testing.assert_allclose(share @ found.means[own], points.mean(0), atol=1e-12)
        inside = found.covariance[own] * (sizes - 1)[:, None, None] / sizes.sum()
        gaps = found.means[own] - points.mean(0)
        scatter = inside.sum(0) + (gaps * share[:, None]).T @ gaps
        np.testing.assert_allclose(scatter, np.cov(points.T, bias=True), atol=1e-12)
    shared = asy.GaussianMixture.from_data(features, labels, True, 3)
    expected = np.einsum("k,kij->ij", 900 * found.priors - 1, found.covariance) / (900 - 9)
    np.testing.assert_allclose(shared.covariance, expected, atol=1e-12)
    np.testing.assert_array_equal(shared.means, found.means)


def test_units_and_names_are_of_no_consequence():
    features, labels = drawn(900)
    scale = np.geomspace(1e-3, 1e3, 8)
    one = asy.GaussianMixture.from_data(features, labels, False, 2)
    other = asy.GaussianMixture.from_data(
        features * scale, np.array(["x", "y", "z"])[labels], False, 2
    )
    np.testing.assert_allclose(other.means / scale, one.means, atol=1e-6)
    np.testing.assert_allclose(other.covariance / np.outer(scale, scale), one.covariance, atol=1e-6)


def test_two_classes_are_sides_of_one_score():
    features, labels = drawn(900)
    rows = labels < 2
    found = asy.GaussianMixture.from_data(features[rows], labels[rows], False, 2)
    np.testing.assert_array_equal(found.labels, [-1, -1, 1, 1])
    assert 0.5 < asy.limit(found, asy.Logistic(0.1), 0.5).accuracy < 1


def test_one_cluster_is_the_class():
    features, labels = drawn(600)
    for shared in (True, False):
        assert asy.GaussianMixture.from_data(features, labels, shared, 1) == (
            asy.GaussianMixture.from_data(features, labels, shared)
        )


def test_too_few_points():
    features, labels = drawn(900)
    few = np.concatenate([np.flatnonzero(labels == k)[:m] for k, m in enumerate((40, 11, 30))])
    with pytest.raises(ValueError, match=r"each class at least 12 time\(s\).* got 11 of 1"):
        asy.GaussianMixture.from_data(features[few], labels[few], False, 3)
    same = np.concatenate([features[:90], features[:90]])
    with pytest.raises(ValueError, match="clusters must be 1 for classes whose means are equal"):
        asy.GaussianMixture.from_data(same, np.repeat([0, 1], 90), False, 2)
