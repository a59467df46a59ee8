"""Extreme but finite parameters, and non-finite ones: a number without a warning, or a plain refusal.

A refusal names an argument that the user gave, no NaN is returned in silence, and no message comes from
the middle of the arithmetic ("cannot convert float NaN to integer").
"""

import re
import warnings

import numpy as np
import pytest

import asymptotics as asy

# Of estimates from few points, which are not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")

MIX = asy.SpikedMixture(1.5)
EXTREMES = [1e-323, 1e-310, 1e-200, 1e-155, 1e-77, 1e-30, 1e30, 1e77, 1e155, 1e200, 1.7e308]
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(3.0, 0.3)])

# What each parameter makes of a number: arguments of limit and the like.
MADE = {
    "signal": lambda x: {"mix": asy.SpikedMixture(x)},
    "noise": lambda x: {"mix": asy.SpikedMixture(1.5, x)},
    "strength": lambda x: {"mix": asy.SpikedMixture(1.5, spikes=[asy.Spike(x, 0.3)])},
    "mean": lambda x: {"mix": asy.GaussianMixture([x, 0.5], np.eye(2))},
    "covariance": lambda x: {"mix": asy.GaussianMixture([1.0, 0.5], x * np.eye(2))},
    "eigenvalues": lambda x: {"mix": asy.Spectrum([x, 2.0], [0.5, 0.5], [1.0, 0.5])},
    "energies": lambda x: {"mix": asy.Spectrum([1.0, 2.0], [0.5, 0.5], [x, 0.5])},
    "gain": lambda x: {"projector": asy.Expansion(x)},
    "exponent": lambda x: {"mix": SPIKED, "projector": asy.Power(x)},
    "unlabelled_ratio": lambda x: {"projector": asy.PCAExpansion(2.0, x)},
    "penalty": lambda x: {"clf": asy.Ridge(x)},
    "penalty of logistic": lambda x: {"clf": asy.Logistic(x)},
    "penalty of an SVM": lambda x: {"clf": asy.SVM(x)},
    "aspect_ratio": lambda x: {"aspect_ratio": x},
}
CONTRASTIVE = {
    "augmentation": lambda x: (asy.InfoNCE(x), MIX),
    "augmentation in space": lambda x: (asy.InfoNCE(x), asy.GaussianMixture([1.0, 0.5], np.eye(2))),
    "temperature": lambda x: (asy.InfoNCE(1.0, x), MIX),
    "signal": lambda x: (asy.InfoNCE(1.0), asy.SpikedMixture(x)),
    "noise": lambda x: (asy.InfoNCE(1.0), asy.SpikedMixture(1.5, x)),
    "augmentation of the flow": lambda x: (asy.InfoNCE(x, time=1.0), MIX),
    "temperature of the flow": lambda x: (asy.InfoNCE(1.0, x, time=1.0), MIX),
    "time": lambda x: (asy.InfoNCE(1.0, 1.0, time=x), MIX),
    "augmentation of the cosine": lambda x: (asy.InfoNCE(x, 1.0, "cosine"), MIX),
    "temperature of the cosine": lambda x: (asy.InfoNCE(1.0, x, "cosine"), MIX),
    "signal of the cosine": lambda x: (asy.InfoNCE(1.0, 1.0, "cosine"), asy.SpikedMixture(x)),
    "noise of the cosine": lambda x: (asy.InfoNCE(1.0, 1.0, "cosine"), asy.SpikedMixture(1.5, x)),
}
# The arguments of the public functions, one of which a message has to name.
NAMES = [
    "signal",
    "noise",
    "strength",
    "mean",
    "covariance",
    "eigenvalues",
    "energies",
    "gain",
    "exponent",
    "penalty",
    "aspect_ratio",
    "augmentation",
    "temperature",
    "time",
    "mix",
    "projector",
    "unlabelled_ratio",
    "features",
    "dimension",
]


def judged(call):
    """The result of a call, or None for a refusal in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            found = call()
        except (ValueError, asy.ConvergenceError) as error:
            message = str(error)
            assert any(re.search(rf"\b{name}\b", message) for name in NAMES) or (
                "beyond the range of a float" in message or "was not trained" in message
            ), message
            assert not re.search("above nan|below nan|got nan|NaN|object|broadcast|0-d", message), (
                message
            )
            assert len(message) < 420, message
            return None
    return found


@pytest.mark.parametrize("x", EXTREMES)
@pytest.mark.parametrize("name", MADE)
def test_limits(name, x):
    def arguments():
        return {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5} | MADE[name](x)

    for clf in (asy.Ridge(1.0), asy.Logistic(0.1)):
        lim = judged(lambda clf=clf: asy.limit(**({"clf": clf} | arguments())))
        assert lim is None or 0 <= lim.accuracy <= 1
    threshold = judged(
        lambda: asy.separability_threshold(
            arguments()["mix"], projector=arguments().get("projector")
        )
    )
    assert threshold is None or 0 <= threshold <= 1


@pytest.mark.parametrize("x", EXTREMES)
@pytest.mark.parametrize("name", [name for name in MADE if "of" not in name])
def test_simulations(name, x):
    def run():
        given = {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5} | MADE[name](x)
        if isinstance(given["mix"], asy.GaussianMixture):
            given["aspect_ratio"] = None
        return asy.simulate(**given, n=20, trials=2, rng=0, fixed_counts=True)

    found = judged(run)
    assert found is None or np.all(np.isfinite(found.accuracy))


@pytest.mark.parametrize("x", EXTREMES)
@pytest.mark.parametrize("name", CONTRASTIVE)
def test_contrastive(name, x):
    def ask(method):
        def call():
            loss, mix = CONTRASTIVE[name](x)
            return getattr(loss, method)(mix)

        return judged(call)

    gain = ask("gain")
    assert gain is None or gain >= 0
    regime = ask("regime")
    assert (regime is None) == (gain is None)
    ask("projector")
    if name in ("augmentation", "temperature", "signal", "noise"):
        certificate = ask("certificate")
        assert certificate is None or certificate <= 1e-10


def test_what_infonce_names():
    """It is the parameter that is far from the others."""
    for x in (1e100, 1e150, 1e200):
        for method in ("gain", "projector", "regime", "certificate"):
            with pytest.raises(
                ValueError, match=rf"^augmentation must be .* got {x:.6g}".replace("+", r"\+")
            ):
                getattr(asy.InfoNCE(x), method)(MIX)
        with pytest.raises(ValueError, match=r"^augmentation must be"):
            asy.limit(MIX, asy.Ridge(1.0), 0.5, asy.InfoNCE(x))
        with pytest.raises(ValueError, match=r"^temperature must be"):
            asy.InfoNCE(1.0, x, "cosine").gain(MIX)
        with pytest.raises(ValueError, match=r"^the signal of mix must be"):
            asy.InfoNCE(1.0).gain(asy.SpikedMixture(x))


def test_the_scale_of_everything_does_not_matter():
    """The negative control: what is far from 1 in its units, and not from the rest, is answered."""
    for x in (1e-70, 1e-20, 1e20, 1e70):
        loss = asy.InfoNCE([0.3, 1.0, 2.0] * np.array(x), temperature=1.0)
        expected = asy.InfoNCE([0.3, 1.0, 2.0]).gain(MIX)
        np.testing.assert_allclose(loss.gain(asy.SpikedMixture(1.5 * x, x)), expected, rtol=1e-12)
        cosine = asy.InfoNCE(x, 3.0, "cosine").gain(asy.SpikedMixture(1.5 * x, x))
        assert cosine == pytest.approx(asy.InfoNCE(1.0, 3.0, "cosine").gain(MIX), rel=1e-12)


def test_the_flow_far_from_its_end():
    """In 1e-17 of the temperature the start rounded away, and the embeddings with it."""
    for x in np.logspace(-30, -3, 10):
        found = asy.InfoNCE(1.0, x, time=1.0).gain(MIX)
        assert found == pytest.approx(asy.InfoNCE(1.0).gain(MIX), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-170, 1e155, 1e200, 1e300, 0.0])
def test_features_of_any_size_are_named(scale):
    rng = np.random.default_rng(7)
    for p in (1, 3, 8):
        features, labels = scale * rng.normal(size=(20, p)), [0, 1] * 10
        with pytest.raises(ValueError, match=r"^features must have variances within the range"):
            asy.GaussianMixture.from_data(features, labels)
        features = features * 0 + 3.0
        with pytest.raises(ValueError, match=r"^features must have variances"):
            asy.GaussianMixture.from_data(features, labels)


@pytest.mark.parametrize("scale", [1e-140, 1e-50, 1e50, 1e140])
def test_features_of_ordinary_sizes_are_taken(scale):
    features = np.random.default_rng(7).normal(size=(20, 3))
    found = asy.GaussianMixture.from_data(scale * features, [0, 1] * 10)
    expected = asy.GaussianMixture.from_data(features, [0, 1] * 10)
    np.testing.assert_allclose(found.mean / scale, expected.mean, rtol=1e-12)


@pytest.mark.parametrize("ratio", [1e-323, 1e-310])
def test_a_derivative_that_is_lost_is_not_nan(ratio):
    with pytest.raises(
        asy.ConvergenceError, match=r"the derivative by aspect_ratio .* at aspect_ratio"
    ):
        asy.gradient(MIX, asy.Ridge(1.0), ratio)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"augmentation": 1e155}, "augmentation"),
        ({"temperature": 1e-310}, "temperature"),
        ({"temperature": 1.7e308}, "smaller temperature"),
        ({"learning_rate": 1e200, "steps": 3}, "learning_rate"),
        ({"source": np.outer([1e200, -1e200] * 4, [1.0, 2.0])}, "points of smaller size"),
    ],
)
def test_training_names_what_is_too_large(change, words):
    given = {
        "source": MIX,
        "augmentation": 0.5,
        "batch_size": 4,
        "steps": 1,
        "dimension": 2,
        "rng": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(asy.ConvergenceError, match=words):
            asy.train_projector(**(given | change))


def test_unlabelled_points_without_end():
    for ratio in (1e-323, 1e-300, 1e-100, 1e-12):
        with pytest.raises(ValueError, match="unlabelled_ratio must be at least"):
            asy.PCAExpansion(2.0, ratio).draw(SPIKED, 4, 0)


@pytest.mark.parametrize("ratio", [1e17, 1e100, 1.7e308])
def test_more_dimensions_than_integers(ratio):
    for call, n in ((asy.simulate, 20), (asy.sweep, 20), (asy.convergence, [20, 30, 40])):
        with pytest.raises(ValueError, match=r"aspect_ratio must be below .* exact integer"):
            call(MIX, asy.Centroid(), ratio, n=n, trials=10)


@pytest.mark.parametrize("clf", [asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge])
def test_a_penalty_beyond_the_estimators(clf):
    with pytest.raises(ValueError, match=r"penalty must be below .* at n = 20"):
        asy.simulate(MIX, clf(1.7e308), 0.5, n=20, trials=2, method="direct")


@pytest.mark.parametrize(
    "count", [2**48 + 1, 2**63, 10**30, 10**400, pytest.param(10**5000, id="of 5001 digits")]
)
def test_counts_beyond_any_memory(count):
    """Not "Maximum allowed dimension exceeded", and not a loop without end."""
    given = {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5}
    training = {"source": MIX, "augmentation": 0.5, "dimension": 2, "batch_size": 4, "rng": 0}
    calls = [(asy.simulate, given, name) for name in ("n", "trials")]
    calls += [(asy.sweep, given, name) for name in ("n", "trials")]
    calls += [(asy.convergence, given | {"n": [20, 30, 40]}, "trials")]
    names = ("dimension", "batch_size", "batches", "steps", "output_dimension")
    calls += [(asy.train_projector, training, name) for name in names]
    calls += [
        (mix.sample, {"n": 3, "dimension": 4}, name)
        for mix in (MIX, SPIKED)
        for name in ("n", "dimension")
    ]
    calls += [(asy.Expansion, {"gain": 2.0}, "spike"), (SPIKED.realise, {}, "dimension")]
    for call, arguments, name in calls:
        with pytest.raises(
            ValueError, match=rf"^{name} must be an integer in \[\d+, {2**48}\], got "
        ):
            call(**(arguments | {name: count}))


def test_a_seed_may_be_of_any_size():
    for seed in (2**64, 10**400):
        one, two = (
            asy.simulate(MIX, asy.Ridge(1.0), 0.5, n=20, trials=2, rng=seed) for _ in range(2)
        )
        assert np.array_equal(one.accuracy, two.accuracy)
        assert np.array_equal(MIX.sample(3, 4, seed)[0], MIX.sample(3, 4, seed)[0])
