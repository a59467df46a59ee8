"""limit on several classes behind several maps at once: as one map after the other."""

import numpy as np
import pytest

import asymptotics as asy

GAINS = np.array([0.0, 0.5, 1.0, 3.0])
RNG = np.random.default_rng(0)
POPULATIONS = {
    "simplex": asy.ClassMixture.simplex(3, 2.5),
    "spiked": asy.ClassMixture(
        RNG.normal(size=(4, 3)), np.diag([4.0, 1.0, 0.5]), priors=[0.1, 0.2, 0.3, 0.4]
    ),
    "clusters": asy.ClassMixture(RNG.normal(size=(4, 3)), labels=[-1, 1, 1, -1]),
    "estimated": asy.Spectrum.from_data(*asy.ClassMixture.simplex(3, 2.5).sample(150, 60, 0)),
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("projector", ["between", "contrast", "power"])
def test_a_batch_is_a_loop(name, projector):
    mix = POPULATIONS[name]
    contrast = (1.0, -1.0, *[0.0] * (len(mix.class_frame().means) - 2))

    def build(values):
        if projector == "power":
            return asy.Power(np.asarray(values)[()])
        more = {"subspace": "between"} if projector == "between" else {"contrast": contrast}
        return asy.Expansion(np.asarray(values)[()], **more)

    clf = asy.Ridge(np.array([[0.1], [1.0]]))
    expected = [asy.limit(mix, clf, 0.5, build(g)) for g in GAINS]
    found = asy.limit(mix, clf, 0.5, build(GAINS))
    assert found.accuracy.shape == (2, 4)
    accuracy = np.concatenate([one.accuracy for one in expected], axis=1)
    np.testing.assert_allclose(found.accuracy, accuracy, atol=1e-10)
    by_class = np.stack([one.class_accuracy[:, 0] for one in expected], axis=1)
    np.testing.assert_allclose(found.class_accuracy, by_class, atol=1e-10)


def test_softmax_and_a_covariance_for_each():
    mix = POPULATIONS["simplex"]
    build = lambda g: asy.Expansion(g, subspace="between")  # noqa: E731
    found = asy.limit(mix, asy.Softmax(0.1), 0.5, build([0.5, 2.0])).accuracy
    one = [asy.limit(mix, asy.Softmax(0.1), 0.5, build(g)).accuracy for g in (0.5, 2.0)]
    np.testing.assert_allclose(found, one, atol=1e-8)
    grams = np.tile(np.array([[1.0, -1.0], [-1.0, 1.0]]), (2, 1, 1))
    own = asy.Spectrum(
        weights=[0.5, 0.5],
        energies=grams,
        class_eigenvalues=[[1.0, 2.0], [0.5, 3.0]],
        priors=[0.5, 0.5],
    )
    # whose image has no eigenbasis in common with that of another map
    with pytest.raises(ValueError, match="exponent must be a single number"):
        asy.limit(own, asy.Ridge(0.1), 0.5, asy.Power([0.0, 1.0]))


def test_what_does_not_broadcast_is_named():
    with pytest.raises(ValueError, match="must broadcast together"):
        asy.limit(
            POPULATIONS["simplex"],
            asy.Ridge(0.1),
            [0.5, 1.0],
            asy.Expansion(GAINS, subspace="between"),
        )
