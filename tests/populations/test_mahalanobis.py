"""Spectrum.mahalanobis: the squared separation, of two classes and of several."""

import numpy as np
import pytest

import asymptotics as asy


def test_of_several_classes_by_hand():
    rng = np.random.default_rng(0)
    means, root = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    covariance = root @ root.T + 0.1 * np.eye(3)
    mix = asy.ClassMixture(means, covariance, priors=[0.1, 0.2, 0.3, 0.4])
    away = means - means.mean(0)
    expected = np.mean(np.einsum("ki,ij,kj->k", away, np.linalg.inv(covariance), away))
    assert mix.spectrum().mahalanobis == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_as_many_atoms_as_classes(count):
    """Shapes that could be mistaken for one another."""
    rng = np.random.default_rng(count)
    d, means = rng.uniform(0.5, 2, count), rng.normal(size=(count, count))
    grams = np.einsum("kj,lj->jkl", means, means)
    spectrum = asy.Spectrum(d, np.full(count, 1 / count), grams, priors=np.full(count, 1 / count))
    away = means - means.mean(0)
    assert spectrum.mahalanobis == pytest.approx(np.mean((away**2 / d).sum(1)), rel=1e-12)
    moved = means + 5.0 * rng.normal(size=count)
    grams = np.einsum("kj,lj->jkl", moved, moved)
    other = asy.Spectrum(d, np.full(count, 1 / count), grams, priors=np.full(count, 1 / count))
    assert other.mahalanobis == pytest.approx(float(spectrum.mahalanobis), rel=1e-9)


def test_two_classes_either_way():
    d, e = np.array([0.5, 2.0]), np.array([1.0, 3.0])
    classic = asy.Spectrum(d, [0.5, 0.5], e)
    signs = np.array([-1.0, 1.0])
    grams = e[:, None, None] * np.outer(signs, signs)
    several = asy.Spectrum(d, [0.5, 0.5], grams, priors=[0.5, 0.5])
    assert several.mahalanobis == pytest.approx(float(classic.mahalanobis), rel=1e-12)
    silent = asy.Spectrum([0.0, 1.0], [0.5, 0.5], grams, priors=[0.5, 0.5])
    assert silent.mahalanobis == np.inf


def test_refused_by_name():
    grams = np.tile(np.eye(3), (1, 1, 1))
    clusters = asy.Spectrum([1.0], [1.0], grams, priors=[0.3, 0.3, 0.4], labels=[-1, 1, 1])
    with pytest.raises(TypeError, match="a squared separation takes classes of one covariance"):
        _ = clusters.mahalanobis
