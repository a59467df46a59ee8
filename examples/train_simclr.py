"""
Train an encoder and a projection head on images
================================================

A small SimCLR on grey 28x28 images, on a CPU: a minute or two a setting. It is not run with the
documentation: the features that it leaves are kept in ``examples/data``, where :doc:`plot_simclr`
reads them. To make your own::

    pip install 'asymptotics[examples]'
    python train_simclr.py --images DIR --strength weak --temperature 0.1 --out FILE.npz

DIR holds the four IDX files of Fashion-MNIST, MNIST or any set like them, gzipped or not; Debian's
package ``dataset-fashion-mnist`` puts them in ``/usr/share/datasets/fashion-mnist``. The encoder is
three convolutions and an average over the image, p = 128; the head is linear, 128 to 128, from the
identity. Both are trained together by NT-Xent. The first 40,000 training images train; features are
taken of images that the encoder has never seen, the first 680 of each class.
"""

import argparse
import gzip
import time
from functools import partial
from pathlib import Path

import numpy as np

try:
    import jax
    import jax.numpy as jnp
    import optax
    from jax.scipy.ndimage import map_coordinates
except ImportError as error:
    raise SystemExit(f"{error}: pip install 'asymptotics[examples]'") from None

# How strongly an image is changed: the smallest share of it that a crop keeps, shift in pixels,
# rotation in radians, probability of a flip, contrast, side of an erased square, noise.
STRENGTHS = {
    "weak": (0.9, 1.0, 0.05, 0.0, 0.1, 0, 0.05),
    "medium": (0.6, 2.0, 0.2, 0.5, 0.3, 6, 0.1),
    "strong": (0.35, 4.0, 0.4, 0.5, 0.6, 12, 0.2),
}
# Side of the kernel, channels in and out; every layer halves the image.
LAYERS = ((5, 1, 32), (3, 32, 64), (3, 64, 128))
WIDTH = LAYERS[-1][2]


# %%
# Images
# ------
def read_idx(folder, name):
    """An IDX file as an array."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise SystemExit(f"--images must hold {name} or {name}.gz, got {str(folder)!r}")
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    shape = np.frombuffer(raw, ">i4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def augmented(image, key, strength):
    """One view of an image with values in [0, 1]."""
    low, shift, turn, flip, contrast, erased, noise = strength
    side, keys = image.shape[0], jax.random.split(key, 2)
    u = jax.random.uniform(keys[0], (8,))
    scale = jnp.sqrt(low + (1 - low) * u[0])
    angle = turn * (2 * u[1] - 1)
    room = (1 - scale) * side / 2 + shift
    centre = (side - 1) / 2 + room * (2 * u[2:4] - 1)
    rows, columns = jnp.meshgrid(*[jnp.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    columns = jnp.where(u[4] < flip, -columns, columns)
    cosine, sine = scale * jnp.cos(angle), scale * jnp.sin(angle)
    at = [
        cosine * rows - sine * columns + centre[0],
        sine * rows + cosine * columns + centre[1],
    ]
    view = map_coordinates(image, at, order=1, mode="constant")
    view = view * (1 + contrast * (2 * u[5] - 1))
    if erased:
        corner = jnp.floor(u[6:8] * (side - erased + 1))
        offset = jnp.arange(side) - corner[:, None]
        inside = (offset >= 0) & (offset < erased)
        view = jnp.where(inside[0][:, None] & inside[1], 0.0, view)
    return view + noise * jax.random.normal(keys[1], image.shape)


# %%
# Encoder, head and loss
# ----------------------
def initial(key):
    parameters = {"T": jnp.eye(WIDTH)}
    for i, (side, inputs, outputs) in enumerate(LAYERS):
        shape = (side, side, inputs, outputs)
        deviation = np.sqrt(2 / (side * side * inputs))
        parameters[f"kernel {i}"] = deviation * jax.random.normal(jax.random.fold_in(key, i), shape)
        parameters[f"shift {i}"] = jnp.zeros(outputs)
    return parameters


def encode(parameters, images):
    x = 2 * images[..., None] - 0.6
    for i in range(len(LAYERS)):
        x = jax.lax.conv_general_dilated(
            x, parameters[f"kernel {i}"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = x + parameters[f"shift {i}"]
        # over each image by itself: no state, and no image sees another
        x = (x - x.mean((1, 2, 3), keepdims=True)) / (x.std((1, 2, 3), keepdims=True) + 1e-3)
        x = jax.nn.relu(x)
    return x.mean((1, 2))


def nt_xent(z, temperature):
    """Of first views followed by second views of the same images."""
    n = len(z)
    z = z / (jnp.linalg.norm(z, axis=1, keepdims=True) + 1e-8)
    similarity = jnp.where(jnp.eye(n, dtype=bool), -jnp.inf, z @ z.T / temperature)
    partner = (jnp.arange(n) + n // 2) % n
    return jnp.mean(jax.nn.logsumexp(similarity, 1) - similarity[jnp.arange(n), partner])


def train(images, strength, temperature, steps, batch, seed, rate=2e-3):
    key = jax.random.key(seed)
    parameters = initial(key)
    optimiser = optax.adam(optax.cosine_decay_schedule(rate, steps))
    state = optimiser.init(parameters)

    def loss(parameters, rows, key):
        keys = jax.random.split(key, 2 * len(rows))
        views = jax.vmap(partial(augmented, strength=strength))(jnp.tile(rows, (2, 1, 1)), keys)
        return nt_xent(encode(parameters, views) @ parameters["T"].T, temperature)

    @jax.jit
    def step(parameters, state, rows, key):
        value, slope = jax.value_and_grad(loss)(parameters, rows, key)
        change, state = optimiser.update(slope, state)
        return optax.apply_updates(parameters, change), state, value

    rng, losses = np.random.default_rng(seed), []
    for t in range(steps):
        rows = images[rng.integers(len(images), size=batch)] / np.float32(255)
        parameters, state, value = step(parameters, state, rows, jax.random.fold_in(key, t))
        losses.append(value)
    return parameters, np.array(losses, float)


# %%
# From the command line
# ---------------------
def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a small SimCLR with a linear head.")
    parser.add_argument("--images", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--strength", choices=STRENGTHS, default="medium")
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unlabelled", type=int, default=40_000, help="images that train")
    parser.add_argument("--keep", type=int, default=680, help="images of each class to keep")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    images, fresh = (read_idx(options.images, f"{n}-images-idx3-ubyte") for n in ("train", "t10k"))
    labels, others = (read_idx(options.images, f"{n}-labels-idx1-ubyte") for n in ("train", "t10k"))
    start = time.perf_counter()
    parameters, losses = train(
        images[: options.unlabelled],
        STRENGTHS[options.strength],
        options.temperature,
        options.steps,
        options.batch,
        options.seed,
    )
    seconds = time.perf_counter() - start
    unseen = np.concatenate([images[options.unlabelled :], fresh])
    labels = np.concatenate([labels[options.unlabelled :], others])
    kept = [np.flatnonzero(labels == k)[: options.keep] for k in np.unique(labels)]
    rows = np.sort(np.concatenate(kept))
    apply = jax.jit(encode)
    parts = np.array_split(unseen[rows], max(1, len(rows) // 500))
    features = np.concatenate([apply(parameters, part / np.float32(255)) for part in parts])
    np.savez_compressed(
        options.out,
        features=features.astype(np.float16),
        labels=labels[rows],
        projector=np.asarray(parameters["T"]).astype(np.float16),
        strength=options.strength,
        temperature=options.temperature,
        seed=options.seed,
    )
    tail = max(1, len(losses) // 20)
    print(
        f"{options.out}: loss {losses[:tail].mean():.3f} -> {losses[-tail:].mean():.3f} in "
        f"{seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
