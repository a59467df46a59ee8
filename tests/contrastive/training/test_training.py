"""Contrastive training: losses against their definitions, trained gains against the population's.

The population gains here are computed from the loss with infinitely many negatives, written out below, and share no
code with the training.
"""

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, least_squares, minimize_scalar
from scipy.special import gammaln, logsumexp, roots_genlaguerre

import asymptotics as asy
from asymptotics.contrastive.cosine import cosine_gain
from asymptotics.contrastive.flow import flow
from asymptotics.contrastive.flow import spread as bulk_gain
from asymptotics.contrastive.optimum import Views, optimum
from asymptotics.contrastive.training import losses
from asymptotics.contrastive.training.losses import LOSSES, SIMILARITIES, contrastive_loss

KINDS = [(loss, similarity) for loss in LOSSES for similarity in SIMILARITIES]
NODES, MASS = np.polynomial.hermite_e.hermegauss(100)
MASS /= MASS.sum()
MIX = asy.SpikedMixture(signal=1.5)


def views(n=11, p=4, seed=0):
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(n, p))
    return h + 0.3 * rng.normal(size=h.shape), h + 0.3 * rng.normal(size=h.shape)


def square(p, k=None, seed=1):
    return np.random.default_rng(seed).normal(size=(k or p, p))


# --------------------------------------------------------------------------- the losses


def definition(matrix, first, second, temperature, loss, similarity):
    """The loss, one pair at a time; analytic in the matrix, which may be complex."""
    z1, z2 = first @ matrix.T, second @ matrix.T
    if similarity == "cosine":
        z1, z2 = (z / np.sqrt(np.sum(z * z, axis=1, keepdims=True)) for z in (z1, z2))
    n = len(z1)
    if loss == "infonce":
        s = z1 @ z2.T / temperature
        return np.mean([-s[i, i] + logsumexp(s[i]) - np.log(n) for i in range(n)])
    z = np.concatenate([z1, z2])
    s = z @ z.T / temperature
    terms = []
    for a in range(2 * n):
        others = [c for c in range(2 * n) if c != a]
        terms.append(-s[a, (a + n) % (2 * n)] + logsumexp(s[a, others]) - np.log(2 * n - 1))
    return np.mean(terms)


@pytest.mark.parametrize(("loss", "similarity"), KINDS)
@pytest.mark.parametrize("k", [4, 2, 6])
def test_loss_and_gradient(loss, similarity, k):
    """The definition, and its complex-step derivative, which has no error of truncation or cancellation."""
    first, second = views()
    matrix = square(4, k)
    arguments = (first, second, 0.7, loss, similarity)
    found = contrastive_loss(matrix, first, second, 0.7, similarity, loss)
    assert_allclose(found.value, definition(matrix, *arguments), rtol=1e-12)
    expected = np.zeros_like(matrix)
    for index in np.ndindex(matrix.shape):
        step = np.zeros_like(matrix)
        step[index] = 1e-30
        expected[index] = definition(matrix + 1j * step, *arguments).imag / 1e-30
    assert_allclose(found.gradient, expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))
    other = contrastive_loss(matrix, first, second, 0.75, similarity, loss).gradient
    assert np.abs(other - expected).max() > 1e-3  # the wrong temperature is seen


@pytest.mark.parametrize(("loss", "similarity"), KINDS)
def test_symmetries(loss, similarity):
    """A rotation of the embedding changes nothing, nor does its length under the cosine."""
    first, second = views()
    matrix = square(4)
    found = contrastive_loss(matrix, first, second, 0.7, similarity, loss)
    turn = np.linalg.qr(square(4, seed=2))[0]
    turned = contrastive_loss(turn @ matrix, first, second, 0.7, similarity, loss)
    assert_allclose(turned.value, found.value, rtol=1e-12)
    assert_allclose(turned.gradient, turn @ found.gradient, rtol=1e-11, atol=1e-12)
    relative = found.gradient @ matrix.T
    assert_allclose(relative, relative.T, atol=1e-12)
    radial = np.sum(found.gradient * matrix)
    if similarity == "cosine":
        assert abs(radial) < 1e-12
    else:
        assert abs(radial) > 1e-2
    order = np.random.default_rng(3).permutation(len(first))
    shuffled = contrastive_loss(matrix, first[order], second[order], 0.7, similarity, loss)
    assert_allclose(shuffled.gradient, found.gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("loss", "similarity"), KINDS)
def test_blocks(loss, similarity, monkeypatch):
    """The size of a block of rows does not matter, whether it divides N or not."""
    first, second = views()
    whole = contrastive_loss(square(4), first, second, 0.7, similarity, loss)
    for entries in (1, 40, 100):
        monkeypatch.setattr(losses, "_BLOCK", entries)
        blocked = contrastive_loss(square(4), first, second, 0.7, similarity, loss)
        assert_allclose(blocked.value, whole.value, rtol=1e-12)
        assert_allclose(blocked.gradient, whole.gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_similarities(loss):
    """No overflow: far beyond exp(710) the loss is that of the nearest negative."""
    first, second = views()
    matrix = 200.0 * square(4)
    found = contrastive_loss(matrix, first, second, 0.7, "inner", loss)
    expected = definition(matrix, first, second, 0.7, loss, "inner")
    assert expected > 1e4
    assert_allclose(found.value, expected, rtol=1e-12)
    assert np.all(np.isfinite(found.gradient))


# --------------------------------------------------------------------------- the population


def population_gain(s, sigma, spread):
    """√(B∥/B⊥) of InfoNCE with infinitely many negatives, isotropic noise."""
    total = sigma**2 + spread**2
    x = s * (s + np.sqrt(total) * NODES)

    def force(b):
        return total * b * (s**2 + total) + MASS @ (x * np.tanh(b * x)) - s**2 - sigma**2

    return np.sqrt(brentq(force, 1e-6, 10.0, xtol=1e-14) * total**2 / sigma**2)


def law(s, sigma, spread, axes=1):
    """The first axis is the signal's."""
    signal = np.eye(axes)[:1]
    return Views(np.full((1, axes), sigma**2), signal, *(np.array([v]) for v in (s, 0.5, spread)))


SETTINGS = [(1.5, 1.0, 0.3), (1.5, 1.0, 1.0), (1.5, 1.0, 2.0), (1.0, 1.0, 1.5)]


def trained_gains(setting, seeds, p=3, **arguments):
    s, sigma, spread = setting
    runs = [
        asy.train_projector(asy.SpikedMixture(s, sigma), spread, dimension=p, rng=seed, **arguments)
        for seed in seeds
    ]
    return np.array([run.gain_along(np.eye(p)[0]) for run in runs]), runs


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(values.size))


def test_population_gains():
    """Written out above, and by the package's minimiser; the numbers were also found by training elsewhere."""
    gains = [population_gain(*setting) for setting in SETTINGS]
    assert_allclose(gains, [0.6779, 0.9000, 1.2539, 1.0875], atol=5e-5)
    for (s, sigma, spread), gain in zip(SETTINGS, gains, strict=True):
        whitened = optimum(law(s, sigma, spread, axes=2))[0]
        assert_allclose(np.sqrt(whitened[0, 0] / whitened[1, 1]), gain, rtol=1e-9)


@pytest.mark.parametrize(
    ("setting", "loss", "size"),
    [(setting, "infonce", 512) for setting in SETTINGS[1:]] + [(SETTINGS[2], "nt-xent", 256)],
)
def test_trained_gain_is_that_of_the_population(setting, loss, size):
    """The bias is below 0.4/N, see the test of the rate; the noise is above 0.002."""
    arguments = {"batch_size": size, "batches": 8, "optimiser": "l-bfgs", "loss": loss}
    gains, runs = trained_gains(setting, range(6), **arguments)
    assert all(run.status == "converged" for run in runs)
    assert all(run.residual <= 1e-6 for run in runs)
    assert abs(z_score(gains, population_gain(*setting))) < 4
    s, sigma, spread = setting
    assert abs(z_score(gains, population_gain(s, sigma, 1.5 * spread))) > 4  # negative control


def nested_gains(setting, sizes, pairs, seeds, p=3):
    """Trained on the same pairs, cut into batches of each size: shape (seeds, sizes)."""
    s, sigma, spread = setting
    out = np.empty((len(seeds), len(sizes)))
    for row, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        h = asy.SpikedMixture(s, sigma).sample(pairs, p, rng)[0]
        first, second = (h + spread * rng.standard_normal(h.shape) for _ in range(2))
        for column, size in enumerate(sizes):
            parts = iter(
                [view[i : i + size] for i in range(0, pairs, size) for view in (first, second)]
            )
            run = asy.train_projector(
                np.zeros((size, 1)),
                lambda points, rng, parts=parts: next(parts),
                batch_size=size,
                batches=pairs // size,
                optimiser="l-bfgs",
                rng=0,
            )
            out[row, column] = run.gain_along(np.eye(p)[0])
    return out


@pytest.mark.slow
def test_rate():
    """The gain exceeds that of the population by about 0.3/N.

    As the pairs are the same for every N, their noise is not in the differences from the largest N.
    """
    sizes = np.array([8, 16, 32, 64, 128, 256, 512])
    found = nested_gains((1.5, 1.0, 1.0), sizes, 4096, range(12))
    apart = found[:, :-1] - found[:, -1:]

    def exponent(mean):
        def left(log_a_and_r):
            law = np.exp(log_a_and_r[0]) * sizes ** -log_a_and_r[1]
            return (law[:-1] - law[-1] - mean) / apart.std(axis=0)

        return least_squares(left, [np.log(0.3), 1.0]).x[1]

    rate = exponent(apart.mean(axis=0))
    without = [exponent(np.delete(apart, k, axis=0).mean(axis=0)) for k in range(len(apart))]
    stderr = np.sqrt((len(apart) - 1) * np.var(without))  # the jackknife's
    assert abs(rate - 1) < 4 * stderr
    assert abs(rate - 0.5) > 4 * stderr  # negative control
    # where it goes to
    assert abs(z_score(found[:, -1], population_gain(1.5, 1.0, 1.0))) < 4


@pytest.mark.slow
def test_weak_augmentation_converges_slowly():
    """At σ_a = 0.3 the variance of a negative's share is infinite: no 1/N.

    By 1/N the second difference would be a quarter of the first.
    """
    found = nested_gains((1.5, 1.0, 0.3), [16, 64, 256], 1024, range(14))
    first, second = found[:, 1] - found[:, 0], found[:, 2] - found[:, 1]
    assert z_score(second - first / 4, 0.0) > 4
    assert np.all(found.mean(axis=0) < population_gain(1.5, 1.0, 0.3))  # from below, this time


@pytest.mark.slow
def test_weak_augmentation_shrinks_and_strong_augmentation_expands():
    """In a batch of 256 and 10 dimensions, by fresh batches and Adam."""
    for spread, sign, steps in ((0.3, -1, 300), (2.0, 1, 1000)):
        gains, runs = trained_gains((1.5, 1.0, spread), [0], p=10, steps=steps)
        assert all(run.status == "converged" for run in runs)
        assert np.all(sign * (gains - 1) > 0.1)


@pytest.mark.slow
def test_temperature_decides_at_finite_time():
    """Weak augmentation shrinks in the end; at t = τ/10 a temperature of 2 has shrunk, and one of 8 expanded."""
    spread, steps = 0.5, 25
    exact, trained = {}, {}
    for temperature in (2.0, 8.0):
        time = 0.1 * temperature
        trained[temperature], runs = trained_gains(
            (1.5, 1.0, spread),
            range(6),
            temperature=temperature,
            batch_size=512,
            steps=steps,
            learning_rate=time / steps,
            optimiser="gradient-descent",
        )
        assert all(run.time == pytest.approx(time, rel=1e-12) for run in runs)
        assert all(run.status == "not converged" for run in runs)
        at = [np.array([value]) for value in (spread, temperature, time)]
        along = flow(law(1.5, 1.0, spread), *at[1:])[0, 0, 0]
        exact[temperature] = np.sqrt(along / bulk_gain(np.ones(1), *at)[0])
    assert exact[2.0] < 0.9 < 1.1 < exact[8.0]
    for temperature, values in trained.items():
        # steps twice as long move the gain by 0.003 at most, 512 negatives by 0.002
        allowance = 0.005
        stderr = values.std(ddof=1) / np.sqrt(values.size)
        assert abs(values.mean() - exact[temperature]) < 4 * stderr + allowance
        other = exact[10.0 - temperature]
        assert abs(values.mean() - other) > 4 * stderr + allowance  # negative control
    end = optimum(law(1.5, 1.0, spread, axes=2))[0]
    assert end[0, 0] < 0.9 * end[1, 1]


# --------------------------------------------------------------------------- the sphere


def chi(degrees, count):
    nodes, mass = roots_genlaguerre(count, degrees / 2 - 1)
    return np.sqrt(2 * nodes), mass / mass.sum()


def log_mean_exp_on_sphere(p, top):
    """log E exp(a c), c a coordinate of a uniform unit vector of R^p, as a polynomial in a/top."""
    k = np.arange(int(top + 150))
    a = top * (np.cos(np.pi * (np.arange(61) + 0.5) / 61) + 1) / 2
    terms = 2 * k * np.log(a / 2)[:, None] - gammaln(k + 1) - gammaln(p / 2 + k) + gammaln(p / 2)
    return np.polynomial.Chebyshev.fit(a, logsumexp(terms, axis=1), 60, domain=[0, top])


def sphere_gain(p, s, spread, temperature):
    """The gain at the minimum of the cosine loss with infinitely many negatives, at finite p and σ = 1.

    A negative enters through its share in the direction of the signal alone, as the rest of it is
    uniform on a sphere; a pair through five numbers. Temperature τ/p for embeddings of length 1.
    """
    total, sharpness = 1 + spread**2, p / temperature
    rho, rest = 1 / total, np.sqrt(1 - 1 / total**2)
    bulk = log_mean_exp_on_sphere(p - 1, sharpness * 1.001)
    g, mass = np.polynomial.hermite_e.hermegauss(24)
    length, share = chi(p - 1, 6)
    x, weight = s + np.sqrt(total) * g[:, None], np.outer(mass / mass.sum(), share).ravel()

    g, mass = np.polynomial.hermite_e.hermegauss(12)
    mass /= mass.sum()
    across, across_mass = chi(p - 2, 5)
    lengths, lengths_mass = chi(p - 1, 5)
    g1, g2, g3, r2, r1 = np.meshgrid(g, g, g[::1], across, lengths, indexing="ij", sparse=True)
    pair = np.einsum("a,b,c,d,e->abcde", mass, mass, mass, across_mass, lengths_mass)
    h1 = s + np.sqrt(total) * g1
    h2 = s + np.sqrt(total) * (rho * g1 + rest * g2)
    along = rho * r1 + rest * g3
    inner, square1, square2 = (
        total * r1 * along,
        total * r1**2,
        total * (along**2 + (rest * r2) ** 2),
    )

    def loss(log_b):
        b = np.exp(log_b)
        cosine = (b * h1 * h2 + inner) / np.sqrt((b * h1**2 + square1) * (b * h2**2 + square2))
        v = (np.sqrt(b) * x / np.sqrt(b * x**2 + total * length**2)).ravel()
        both = np.concatenate([v, -v])
        exponent = sharpness * np.outer(v, both)
        exponent += bulk(sharpness * np.sqrt(np.outer(1 - v**2, 1 - both**2)))
        partition = logsumexp(exponent, b=np.concatenate([weight, weight]) / 2, axis=1)
        return weight @ partition - sharpness * np.sum(pair * cosine)

    return np.exp(minimize_scalar(loss, bracket=(-0.3, 0.3), tol=1e-7).x / 2)


def gain_with_gaussian_negatives(s, spread, temperature):
    """What replaces the sphere by a Gaussian of the same variance: wrong, and the negative control."""
    total = 1 + spread**2
    x = s * (s + np.sqrt(total) * NODES)

    def force(b):
        pull = s**2 * (1 - 1 / total)
        push = MASS @ (x * np.tanh(b * x / (temperature * total)))
        return (b - 1) * (s**2 + total) / temperature + push - pull

    return np.sqrt(brentq(force, 1e-9, 1e3))


@pytest.mark.parametrize(("s", "spread", "temperature"), [(1.5, 1.0, 2.0), (1.5, 2.0, 1.5)])
def test_the_cosine_formula_is_the_limit_of_the_loss(s, spread, temperature):
    found = np.array([sphere_gain(p, s, spread, temperature) for p in (40, 80, 160)])
    once = 2 * found[1:] - found[:-1]
    limit = (4 * once[1] - once[0]) / 3  # without the terms in 1/p and 1/p²
    stated = cosine_gain(*[np.array([value]) for value in (s, 1.0, spread, temperature)])[0]
    # the term in 1/p³ moves the extrapolation by less than the last step of it
    assert abs(limit - stated) < 2 * abs(limit - once[1])
    assert abs(limit - stated) < 1e-3
    assert abs(limit - gain_with_gaussian_negatives(s, spread, temperature)) > 0.05


@pytest.mark.slow
def test_training_on_the_sphere():
    """Trained by the cosine at p = 8, τ = 3: 256 negatives do for so few dimensions."""
    p, temperature = 8, 3.0
    arguments = {"batch_size": 256, "batches": 16, "optimiser": "l-bfgs", "similarity": "cosine"}
    gains, runs = trained_gains(
        (1.5, 1.0, 1.0), range(8), p=p, temperature=temperature / p, **arguments
    )
    assert all(run.status == "converged" for run in runs)
    assert abs(z_score(gains, sphere_gain(p, 1.5, 1.0, temperature))) < 4
    assert abs(z_score(gains, gain_with_gaussian_negatives(1.5, 1.0, temperature))) > 4


# --------------------------------------------------------------------------- the training


def run(source=MIX, augmentation=0.7, **arguments):
    """A short one."""
    defaults = {"dimension": 4, "batch_size": 16, "steps": 5, "rng": 3}
    return asy.train_projector(source, augmentation, **(defaults | arguments))


@pytest.mark.parametrize("optimiser", ["adam", "gradient-descent", "l-bfgs"])
def test_reproducible(optimiser):
    """To the bit, from an int, a SeedSequence, or the root that the result carries."""
    first = run(optimiser=optimiser)
    generator = run(optimiser=optimiser, rng=np.random.default_rng(3))
    again = [
        (first, 3),
        (first, np.random.SeedSequence(3)),
        (first, first.seed),
        (generator, generator.seed),
    ]
    for expected, rng in again:
        found = run(optimiser=optimiser, rng=rng, callback=lambda step, matrix: None)
        assert np.array_equal(found.matrix, expected.matrix)
        assert np.array_equal(found.losses, expected.losses)
        assert found.residual == expected.residual
    for other in (run(optimiser=optimiser, rng=4), generator, run(optimiser=optimiser, rng=None)):
        assert not np.array_equal(other.matrix, first.matrix)


def test_a_step_draws_its_own_batch():
    """That of step t is the same however many steps there are, and in a fixed set."""
    few, more = run(optimiser="gradient-descent"), run(optimiser="gradient-descent", steps=8)
    assert np.array_equal(few.losses, more.losses[:5])
    assert run(batches=1).losses[0] == few.losses[0] == run(optimiser="l-bfgs").losses[0]
    assert run(batches=2).losses[0] != few.losses[0]


def test_gradient_descent_is_that():
    """Two steps by hand on points and views that are known."""
    points = np.random.default_rng(0).normal(size=(6, 3))
    made = []

    def augment(rows, rng):
        made.append(rows + 0.1 * rng.standard_normal(rows.shape))
        return made[-1]

    found = run(
        points,
        augment,
        dimension=None,
        batch_size=5,
        steps=2,
        batches=1,
        optimiser="gradient-descent",
        learning_rate=0.3,
        temperature=2.0,
    )
    assert len(made) == 2  # twice a batch
    matrix = np.eye(3)
    for k in range(2):
        one = contrastive_loss(matrix, *made, 2.0)
        assert_allclose(found.losses[k], one.value, rtol=1e-12)
        matrix = matrix - 0.3 * one.gradient
    assert_allclose(found.matrix, matrix, rtol=1e-12)
    assert found.time == pytest.approx(0.6)
    assert (found.batch_size, found.steps, found.temperature) == (5, 2, 2.0)


def test_adam_is_that():
    """Kingma and Ba's algorithm 1, by hand; the first step is the learning rate in every entry."""
    seen = [np.eye(4)]
    run(
        batches=1,
        steps=3,
        learning_rate=0.01,
        callback=lambda step, matrix: seen.append(matrix.copy()),
    )
    assert len(seen) == 4
    assert_allclose(np.abs(seen[1] - seen[0]), 0.01, rtol=1e-3)
    assert np.abs(seen[2] - seen[1]).max() <= 0.75 * 0.0101  # ½(1 + cos(π/3)) of it


@pytest.mark.parametrize("k", [2, 4, 6])
def test_output_dimension(k):
    seen = []
    found = run(output_dimension=k, callback=lambda step, matrix: seen.append((step, matrix)))
    assert found.matrix.shape == found.projector.matrix.shape == (k, 4)
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5]
    assert np.array_equal(seen[-1][1], found.matrix)
    with pytest.raises(ValueError, match="read-only"):
        seen[0][1][0, 0] = 0.0
    start = run(output_dimension=k, steps=1, learning_rate=1e-12).matrix
    expected = np.eye(4) if k == 6 else np.eye(k)
    assert_allclose(start.T @ start if k == 6 else start @ start.T, expected, atol=1e-10)


def test_a_view_may_be_wider_than_its_point():
    found = run(
        [[1.0], [2.0], [4.0]], lambda h, rng: np.hstack([h, h**2]), dimension=1, batch_size=3
    )
    assert found.matrix.shape == (2, 2)


def test_other_laws():
    law = asy.GaussianMixture([1.0, 0.0], np.diag([1.0, 3.0]))
    assert run(law, dimension=None).matrix.shape == (2, 2)
    spectrum = asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0])
    assert run(spectrum).matrix.shape == (4, 4)


def test_gain_along():
    found = replace(run(), matrix=np.diag([3.0, 1.0, 2.0, 2.0]))
    assert found.gain_along([5.0, 0.0, 0.0, 0.0]) == pytest.approx(3 / np.sqrt(9 / 3), rel=1e-12)
    assert replace(found, matrix=np.eye(4)).gain_along([1.0, 2.0, 3.0, 4.0]) == pytest.approx(1.0)
    for bad in ([0.0] * 4, [1.0] * 3):
        with pytest.raises(ValueError, match="direction must be a non-zero vector of 4"):
            found.gain_along(bad)


def test_progress(capsys):
    run(progress=True)
    shown = capsys.readouterr().err
    assert "training" in shown
    assert "5/5" in shown
    run()
    assert capsys.readouterr().err == ""


def test_a_result_is_plain():
    found = run()
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.matrix, found.matrix)
    assert "adam" in repr(found)
    with pytest.raises(FrozenInstanceError):
        found.steps = 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": None}, "dimension must be given for a SpikedMixture"),
        ({"source": asy.SpikedMixture([1.0, 2.0])}, "source must be a single population"),
        ({"source": np.ones((5, 3)), "dimension": None}, "batch_size must be at most 5"),
        ({"source": np.ones((20, 3))}, "dimension must be 3, that of the points, got 4"),
        ({"augmentation": [0.1, 0.2]}, "augmentation must be a single number"),
        (
            {"augmentation": lambda h, rng: h[:3]},
            "augmentation must return one view for each of 16",
        ),
        ({"augmentation": lambda h, rng: h * np.nan}, "augmentation must be in"),
        ({"augmentation": lambda h, rng: None}, "augmentation must be a real number"),
        ({"augmentation": lambda h, rng: 0 * h, "similarity": "cosine"}, "length 0"),
    ],
)
def test_invalid(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        run(**arguments)


def test_overflow():
    with pytest.raises(asy.ConvergenceError, match=r"overflowed at step .*learning_rate"):
        run(optimiser="gradient-descent", learning_rate=1e3, steps=50)
