"""p |Tμ̂|²/|T|_F² of every projector, against the matrix itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import asymptotics as asy

MIX = asy.SpikedMixture(1.5)
SPIKED = asy.SpikedMixture(1.5, 0.8, [asy.Spike(2.0, 0.4), asy.Spike(-0.5, 0.1)], 0.3)
P = 12


def measure(matrix, unit):
    return matrix.shape[1] * np.sum((matrix @ unit) ** 2) / np.sum(matrix**2)


FRAMED = [
    asy.Identity(),
    asy.Expansion(3.0),
    asy.Expansion(0.0),
    asy.Expansion(3.0, 0.6),
    asy.Expansion(4.0, spike=0),
    asy.Power(0.7),
    asy.Power(-0.5),
    asy.InfoNCE(0.5),
    asy.InfoNCE(2.0, 3.0, time=1.0),
    asy.Expansion(2.0, 0.3) @ asy.InfoNCE(0.5),
    asy.Power(0.5) @ asy.Expansion(3.0),
]


@pytest.mark.parametrize("projector", FRAMED, ids=repr)
def test_of_a_map_on_the_frame(projector):
    """The map applied to the unit vectors of R^p, one by one."""
    if projector.fresh_axes:  # its own direction has no place among samples: the first of the bulk
        frame = SPIKED.frame(1)
        block = projector.on_frame(frame)
        matrix = np.diag(np.full(P, block.bulk[0]))
        matrix[: frame.axes, : frame.axes] = block.block
    else:
        matrix = SPIKED.transform(np.eye(P), projector).T
    expected = measure(matrix, np.eye(P)[0])
    found = asy.expansion_measure(SPIKED, projector, P)
    assert type(found) is float
    assert_allclose(found, expected, rtol=1e-12)


def test_of_matrices():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5, P))
    assert_allclose(
        asy.expansion_measure(SPIKED, matrix), measure(matrix, np.eye(P)[0]), rtol=1e-12
    )
    again = asy.expansion_measure(SPIKED, asy.LinearMap(matrix), dimension=P)
    assert again == asy.expansion_measure(SPIKED, matrix.tolist())
    root = rng.normal(size=(P, 2 * P))
    real = asy.GaussianMixture(rng.normal(size=P), root @ root.T)
    unit = real.mean / np.linalg.norm(real.mean)
    for projector in (asy.LinearMap(matrix), asy.Power(0.5), asy.Expansion(3.0), asy.InfoNCE(0.5)):
        expected = measure(projector.on_coordinates(real), unit)
        assert_allclose(asy.expansion_measure(real, projector), expected, rtol=1e-12)


def test_of_trained_projectors():
    trained = asy.train_projector(MIX, 2.0, dimension=6, steps=20, rng=0)
    expected = measure(trained.matrix, np.eye(6)[0])
    assert_allclose(trained.expansion_measure([2.0, 0, 0, 0, 0, 0]), expected, rtol=1e-14)
    assert_allclose(asy.expansion_measure(MIX, trained.projector), expected, rtol=1e-14)
    b = trained.gain_along(np.eye(6)[0]) ** 2
    assert_allclose(expected, 6 * b / (b + 5), rtol=1e-12)


def test_of_learned_projectors():
    """The limit of their energies, against one draw in a high dimension."""
    mix = asy.SpikedMixture(3.0)
    for projector in (asy.PCAExpansion(4.0, 0.5), asy.SamplePower(1.0, 0.5)):
        p = 800
        drawn = projector.draw(mix, p, rng=0)
        found = asy.expansion_measure(mix, projector, p)
        assert_allclose(found, asy.expansion_measure(mix, drawn), rtol=0.15)
        assert found > 1.5


def test_it_broadcasts():
    gains = np.array([[0.0], [1.0], [1e6], [1e200]])
    found = asy.expansion_measure(asy.SpikedMixture([1.0, 2.0]), asy.Expansion(gains), 50)
    assert_allclose(found, np.broadcast_to([[0.0], [1.0], [50.0], [50.0]], (4, 2)), rtol=1e-9)
    assert found.shape == (4, 2)
    loss = asy.InfoNCE([0.4, 0.7], [[0.1], [1.0], [9.0]], "cosine", dimension=50)
    mix = asy.SpikedMixture(5.0)
    assert_allclose(asy.expansion_measure(mix, loss, 50), loss.expansion_measure(mix), rtol=1e-12)
    parts = asy.Spectrum([1.0, 3.0, 2.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.5])
    made = asy.InfoNCE(0.5).projector(parts)
    scales = np.r_[made.scales, np.repeat(made.bulk[:2], [10, 30])]
    expected = 41 * scales[0] ** 2 / np.sum(scales**2)
    assert_allclose(asy.expansion_measure(parts, asy.InfoNCE(0.5), 41), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: asy.expansion_measure(MIX, asy.Expansion(2.0)), "dimension must be given"),
        (lambda: asy.expansion_measure(MIX, np.eye(3), 4), "dimension must be that of .* got 4"),
        (lambda: asy.expansion_measure(SPIKED, None, 2), "dimension must be at least 3"),
        (lambda: asy.expansion_measure(asy.SpikedMixture(0.0), None, 2), "must have a signal"),
        (
            lambda: asy.expansion_measure(asy.GaussianMixture([0.0, 0.0], np.eye(2)), None),
            "must have a signal",
        ),
        (lambda: asy.expansion_measure(MIX, np.zeros((2, 2))), "matrix must not be zero"),
    ],
)
def test_refusals(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
