"""
Real images: from augmentation to accuracy
==========================================

A linear projector is trained by InfoNCE on augmented pairs of real images: scikit-learn's digits,
or your own by ``--images PATH``. Does it expand or shrink the directions that separate the
classes, and is a linear probe better or worse behind it?

Half of the images train the projector, without labels. The other half is labelled: for each pair of
digits a ridge probe is trained on 32 of its images, 64 pixels each, so that p/n = 2, and scored on
the rest.

- *The claim holds*: wherever the class directions are clearly shrunk, measured against the noise
  within the classes, the probe makes more errors on the projector's output than on its input: by 2
  to 10 %. Where they are expanded it makes fewer on average, by up to 15 %, but not
  everywhere: one number does not sum up a matrix, and the limit, given the matrix, tells which.
- *A good penalty takes the profit away.* With the best of three penalties no projector helps, and
  shrinkage still harms. The limit says so too.
- *Temperature decides at finite time*, as in the theory: after the same number of steps on the
  same pairs, a high one has always expanded the class directions more than a low one.
- *Strong augmentation expands* at the low temperature, and weak augmentation shrinks. In the end
  only noise would: by shift and rotation, or by occlusion alone, the minimum of the Gaussian loss
  shrinks at every strength, for they leave most directions nearly as they are, and whiten these.
- *Where the theory fails.* Its flow has infinitely many negatives and Gaussian views. It follows
  the training to 0.15 where augmentation is strong, and is far ahead of it where it is weak: there
  the softmax over the batch is saturated. Of the probe it says an error that is a third
  of the real one, as the classes are not Gaussian; of the ratio of errors after and before, the
  sign where it is large, and a change up to five times too large.
"""

# %%
# Images
# ------
# ``--images`` reads a folder that has a folder of images for each class, or IDX files, the format
# of MNIST, whose labels lie beside the images. All become grey images of one small size.
import argparse
import gzip
import itertools
import struct
import warnings
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image, UnidentifiedImageError
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits

import asymptotics as asy

IDX_BYTES = 0x08  # the code of unsigned bytes


def read_idx(path):
    """The array of an IDX file of bytes, gzipped or not."""
    raw = Path(path).read_bytes()
    try:
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} must be a whole gzip file: {error}") from None
    if len(raw) < 4 or raw[:2] != b"\0\0":
        raise ValueError(f"{path} must be an IDX file, which begins with two zero bytes")
    if raw[2] != IDX_BYTES:
        raise ValueError(f"{path} must hold unsigned bytes (type 0x08), got type {raw[2]:#04x}")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise ValueError(f"{path} must state {raw[3]} lengths, but ends before")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    expected = int(np.prod(shape, dtype=object))
    if len(raw) - start != expected:
        raise ValueError(
            f"{path} must hold {expected} bytes for its shape {shape}, got {len(raw) - start}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def read_idx_pair(path):
    """Images and labels: those of ``x-images-idx3-ubyte`` lie in ``x-labels-idx1-ubyte``."""
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    if name == path.name:
        raise ValueError(f"{path} must have 'images' in its name, so that its labels can be found")
    name = name.removesuffix(".gz")
    beside = [path.with_name(name), path.with_name(f"{name}.gz")]
    labels = next((file for file in beside if file.is_file()), None)
    if labels is None:
        raise FileNotFoundError(f"the labels of {path} must lie beside it, as {beside[0]} or .gz")
    pictures, names = read_idx(path), read_idx(labels)
    if pictures.ndim != 3 or 0 in pictures.shape:
        raise ValueError(f"{path} must hold images, 3 dimensions, got shape {pictures.shape}")
    if names.shape != pictures.shape[:1]:
        raise ValueError(
            f"{labels} must hold a label for each of {len(pictures)} images, "
            f"got shape {names.shape}"
        )
    return [Image.fromarray(picture) for picture in pictures], names


def read_folder(path):
    """Images of a folder of folders, whose names are the labels."""
    pictures, names = [], []
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        for file in sorted(entry for entry in folder.iterdir() if entry.name[0] != "."):
            try:
                with Image.open(file) as picture:
                    pictures.append(picture.convert("L"))
            except (UnidentifiedImageError, OSError) as error:
                raise ValueError(f"{file} must be an image: {error}") from None
            names.append(folder.name)
    if not pictures:
        raise ValueError(
            f"{path} must hold a folder of images for each class, or IDX files named "
            "*-images-idx3-ubyte, alone or gzipped"
        )
    return pictures, np.array(names)


def read_images(path, side):
    """Images of shape (n, side, side) with values in [0, 1], and their labels."""
    path = Path(path)
    if path.is_file():
        pictures, labels = read_idx_pair(path)
    elif path.is_dir():
        idx = sorted(path.glob("*images*idx3*"))
        pictures, labels = read_idx_pair(idx[0]) if idx else read_folder(path)
    else:
        raise FileNotFoundError(f"--images must name a folder or an IDX file, got {path}")
    small = [p.resize((side, side), Image.Resampling.BOX) for p in pictures]
    return np.stack([np.asarray(p, float) / 255 for p in small]), labels


def halves(images, labels, rng, most, training):
    """Shuffled halves: images alone for the projector, images with labels for the probes."""
    kinds, counts = np.unique(labels, return_counts=True)
    if len(kinds) < 2:
        raise ValueError(f"the images must be of at least 2 classes, got {kinds.tolist()}")
    order = rng.permutation(len(labels))[:most]
    kinds, counts = np.unique(labels[order], return_counts=True)
    if counts.min() < 2 * training:
        scarce = str(kinds[counts.argmin()])
        raise ValueError(
            f"each class must have {2 * training} images or more, got {counts.min()} of {scarce!r}"
        )
    # alternately within each class
    order = order[np.argsort(labels[order], kind="stable")]
    return images[order[::2]], images[order[1::2]], labels[order[1::2]]


# %%
# Views
# -----
# At strength a, an image of 8 × 8 pixels is shifted by a quarter of a pixel times a, turned by
# 5° times a, given noise of 0.15 a and a black square of side 0.75 a: standard deviations, but for
# the square. For other sizes the lengths grow with the image.


def augment(images, strength, rng, parts):
    """A view of each image of shape (n, side, side), by "geometry", "noise", "occlusion"."""
    n, side = images.shape[:2]
    unit = strength * side / 8
    if "geometry" in parts:
        rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
        angle = np.deg2rad(5 * strength) * rng.standard_normal((n, 1, 1))
        shift = 0.25 * unit * rng.standard_normal((2, n, 1, 1)) + (side - 1) / 2
        where = np.broadcast_to(np.arange(n)[:, None, None], images.shape)
        down = np.cos(angle) * rows - np.sin(angle) * columns + shift[0]
        right = np.sin(angle) * rows + np.cos(angle) * columns + shift[1]
        images = map_coordinates(images, [where, down, right], order=1)
    if "noise" in parts:
        images = images + 0.15 * strength * rng.standard_normal(images.shape)
    if "occlusion" in parts:
        centre = rng.uniform(-0.5, side - 0.5, (2, n, 1, 1))
        pixel = np.arange(side)
        hidden = np.abs(pixel[:, None] - centre[0]) < 0.375 * unit
        images = np.where(hidden & (np.abs(pixel - centre[1]) < 0.375 * unit), 0.0, images)
    return images


# %%
# Gain
# ----
# With S_b the covariance of the class means and S_w that within the classes, the gain of the class
# directions is measured against the noise, and for isotropic noise it is that of the theory.


class Classes:
    """The labelled half, in features, with its second moments."""

    def __init__(self, features, labels):
        self.features, self.labels = features, labels
        self.kinds = np.unique(labels)
        parts = [features[labels == kind] for kind in self.kinds]
        means = np.array([part.mean(axis=0) for part in parts])
        self.between = np.cov(means.T)
        self.within = np.mean([np.cov(part.T) for part in parts], axis=0)
        self.span = np.linalg.svd(means[1:] - means[0], full_matrices=False)[2]

    def normalised(self, matrix):
        """T with the input's variance within the classes, so that one penalty suits both."""
        return matrix * np.sqrt(np.trace(self.within) / np.trace(matrix @ self.within @ matrix.T))

    def gain(self, matrix):
        """√(tr T S_b Tᵀ/tr S_b) over the same of S_w."""
        matrix = self.normalised(matrix)
        return np.sqrt(np.trace(matrix @ self.between @ matrix.T) / np.trace(self.between))

    def spectrum(self, matrix):
        """Singular values of T, and how much of each right vector lies in the class directions."""
        _, values, rows = np.linalg.svd(self.normalised(matrix))
        return values, np.sum((rows @ self.span.T) ** 2, axis=1)


# %%
# The Gaussian theory of training
# -------------------------------
# For Gaussian views of covariance S and cross-covariance K, and infinitely many negatives, the flow
# is Ṫ = (2/τ) T (K - S TᵀT S/τ). Both are measured on views; nothing else is.


def second_moments(views):
    """S and K."""
    first, second = views
    total = (first.T @ first + second.T @ second) / (2 * len(first))
    return total, (first.T @ second + second.T @ first) / (2 * len(first))


def gaussian_optimum(views):
    """T at the end of the flow, S⁻¹ K S⁻¹ = TᵀT/τ up to a factor; pixels that never vary are 0."""
    total, cross = second_moments(views)
    inverse = np.linalg.pinv(total, rcond=1e-10, hermitian=True)
    values, vectors = np.linalg.eigh(inverse @ cross @ inverse)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def gaussian_training(views, temperature, time, steps=400):
    """T at a time of the flow, by Euler's rule in steps that grow with it: the start is stiff."""
    total, cross = second_moments(views)
    matrix = np.eye(len(total))
    for step in np.diff(time * np.linspace(0, 1, steps + 1) ** 2):
        pull = cross - total @ (matrix.T @ matrix) @ total / temperature
        matrix = matrix + (2 * step / temperature) * matrix @ pull
    return matrix


# %%
# Probes
# ------
# Errors are averaged over pairs of classes and over training sets. Before and after a projector the
# training sets are the same, so that their noise cancels.
PENALTIES = np.array([0.01, 0.1, 1.0])


def class_pairs(classes, most=45):
    """Pairs of classes, with ±1 labels."""
    pairs = list(itertools.combinations(classes.kinds, 2))[:most]
    for a, b in pairs:
        rows = np.flatnonzero(np.isin(classes.labels, (a, b)))
        yield rows, np.where(classes.labels[rows] == a, 1.0, -1.0)


def measured_errors(classes, matrix, n, trials):
    """Error of ridge on held-out images, shape (pairs, penalties)."""
    z = classes.features @ classes.normalised(matrix).T
    errors = []
    for k, (rows, signs) in enumerate(class_pairs(classes)):
        found = np.zeros(len(PENALTIES))
        for trial in range(trials):
            order = np.random.default_rng([k, trial]).permutation(len(rows))
            train, test = order[:n], order[n:]
            for j, penalty in enumerate(PENALTIES):
                fit = asy.Ridge(penalty).fit(z[rows[train]], signs[train])
                margins = signs[test] * (z[rows[test]] @ fit.weights + fit.intercept)
                found[j] += np.mean(margins <= 0) / trials
        errors.append(found)
    return np.array(errors)


def predicted_errors(classes, matrix, n):
    """The same by the limit of a Gaussian mixture with the estimated mean and covariance."""
    projector = asy.LinearMap(classes.normalised(matrix))
    with warnings.catch_warnings():  # the images are the population, and not a sample of one
        warnings.simplefilter("ignore", asy.PlugInWarning)
        mixtures = [
            asy.GaussianMixture.from_data(classes.features[rows], signs)
            for rows, signs in class_pairs(classes)
        ]
    return np.array(
        [
            asy.limit(
                mixture,
                asy.Ridge(PENALTIES),
                classes.features.shape[1] / n,
                projector,
            ).error
            for mixture in mixtures
        ]
    )


# %%
# The experiment
# --------------
# Pixels are centred and scaled to a mean variance of 1. Training is gradient descent from T = I,
# with a step in proportion to τ: at every temperature the same number of steps is the same t/τ.
STRENGTHS = (0.5, 1.0, 2.0, 4.0)
TEMPERATURES = (3.0, 100.0)
KINDS = {"all four": ("geometry", "noise", "occlusion"), "noise alone": ("noise",)}
RATE = 0.008  # of t/τ a step
TRAINING = 32  # labelled images of a probe


def experiment(images, labels, *, steps=300, batch_size=128, trials=10, most=4000, seed=0):
    """A list of one dict for each projector, the first of them the identity; the classes; and the
    gains at the end of the Gaussian flow, for each operation alone."""
    rng = np.random.default_rng(seed)
    pool, labelled, names = halves(images, labels, rng, most, TRAINING)
    centre, dimension = pool.mean(axis=0), pool[0].size
    scale = np.sqrt(dimension / pool.var(axis=0).sum())
    batch_size = min(batch_size, len(pool))

    def features(some):
        return ((some - centre) * scale).reshape(len(some), -1)

    classes = Classes(features(labelled), names)
    flat = pool.reshape(len(pool), -1)

    def views_of(parts, strength):
        def view(rows, rng):
            some = rows.reshape(len(rows), *centre.shape)
            return features(augment(some, strength, rng, parts))

        return view, [np.concatenate([view(flat, rng) for _ in range(4)]) for _ in range(2)]

    runs = [{"kind": "none", "matrix": np.eye(dimension), "gaussian gain": 1.0}]
    for kind, strength in itertools.product(KINDS, STRENGTHS):
        view, many = views_of(KINDS[kind], strength)
        for temperature in TEMPERATURES:
            trained = asy.train_projector(
                flat,
                view,
                temperature=temperature,
                batch_size=batch_size,
                steps=steps,
                optimiser="gradient-descent",
                learning_rate=RATE * temperature,
                rng=seed,
            )
            gaussian = gaussian_training(many, temperature, trained.time)
            runs.append(
                {
                    "kind": kind,
                    "strength": strength,
                    "temperature": temperature,
                    "matrix": trained.matrix,
                    "gaussian gain": classes.gain(gaussian),
                }
            )
    ends = {
        part: [classes.gain(gaussian_optimum(views_of((part,), a)[1])) for a in STRENGTHS]
        for part in KINDS["all four"]
    }
    for run in runs:
        run["gain"] = classes.gain(run["matrix"])
        run["measured"] = measured_errors(classes, run["matrix"], TRAINING, trials)
        run["predicted"] = predicted_errors(classes, run["matrix"], TRAINING)
    return runs, classes, ends


def ratio(run, before, source, penalty=0):
    """Mean error after over before, and its standard error over the pairs of classes."""
    first, second = before[source][:, penalty], run[source][:, penalty]
    value = second.mean() / first.mean()
    spread = np.std(second - value * first, ddof=1) if len(first) > 1 else 0.0
    return value, spread / (np.sqrt(len(first)) * first.mean())


def table(runs, ends):
    """What was measured, in lines."""
    before = runs[0]
    yield f"Errors in percent, λ = {PENALTIES[0]:g}, before: " + ", ".join(
        f"{source} {100 * before[source][:, 0].mean():.2f}" for source in ("measured", "predicted")
    )
    yield "with the best of three penalties, before: " + ", ".join(
        f"{source} {100 * before[source].mean(axis=0).min():.2f}"
        for source in ("measured", "predicted")
    )
    yield (
        "\nviews         a   τ   gain  in theory | error ± s.e.  predicted | best penalty predicted"
    )
    for run in runs[1:]:
        value, stderr = ratio(run, before, "measured")
        best = [100 * run[source].mean(axis=0).min() for source in ("measured", "predicted")]
        yield (
            f"{run['kind']:<11} {run['strength']:3g} {run['temperature']:3g} {run['gain']:6.2f}"
            f"{run['gaussian gain']:8.2f}    | × {value:.2f} ± {stderr:.2f}   × "
            f"{ratio(run, before, 'predicted')[0]:.2f}      | {best[0]:5.2f}{best[1]:8.2f}"
        )
    yield "\ngain at the end of the Gaussian flow, for a = " + ", ".join(
        f"{a:g}" for a in STRENGTHS
    )
    for part, gains in ends.items():
        yield f"{part:<11}" + "".join(f"{gain:6.2f}" for gain in gains)


# %%
# The figure
# ----------
COLOURS = dict(zip(TEMPERATURES, ("#D55E00", "#0072B2"), strict=True))
MARKERS = dict(zip(KINDS, ("o", "s"), strict=True))


def draw(runs, classes):
    """Gain against strength, the spectra of two projectors, and errors against gain."""
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
    draw_gains(axes[0], runs[1:])
    ordered = sorted(runs[1:], key=lambda run: run["gain"])
    draw_spectra(axes[1], (ordered[0], ordered[-1]), classes)
    draw_errors(axes[2], runs)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def draw_gains(ax, runs):
    ax.axhline(1, color="#BBBBBB", lw=1, zorder=0)
    for kind, temperature in itertools.product(KINDS, TEMPERATURES):
        some = [run for run in runs if (run["kind"], run["temperature"]) == (kind, temperature)]
        strength = [run["strength"] for run in some]
        style = {"color": COLOURS[temperature], "marker": MARKERS[kind], "ms": 6}
        face = {"mfc": None if kind == "all four" else "white"}
        ax.plot(strength, [run["gain"] for run in some], lw=1.4, **style, **face)
        ax.plot(
            strength,
            [run["gaussian gain"] for run in some],
            ":",
            lw=1.2,
            **style | {"ms": 3},
            **face,
        )
    ax.set_xscale("log", base=2)
    ax.set_xticks(STRENGTHS, [f"{s:g}" for s in STRENGTHS])
    ax.set(xlabel="augmentation strength a", ylabel="gain of the class directions")
    grey = {"color": "#555555", "ls": "none"}
    handles = [ax.plot([], [], color=COLOURS[t], lw=1.4, label=f"τ = {t:g}")[0] for t in COLOURS]
    handles.append(ax.plot([], [], marker="o", **grey, label="all four")[0])
    handles.append(ax.plot([], [], marker="s", mfc="white", **grey, label="noise alone")[0])
    handles.append(ax.plot([], [], ":", color="#555555", label="Gaussian theory")[0])
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))
    ax.legend(handles=handles, frameon=False, fontsize="small", loc="upper left", ncols=2)


def draw_spectra(ax, runs, classes):
    for run, marker in zip(runs, "vo", strict=True):
        values, aligned = classes.spectrum(run["matrix"])
        ax.plot(
            aligned,
            values,
            marker,
            ms=4.5,
            color=COLOURS[run["temperature"]],
            mfc="white" if run["kind"] == "noise alone" else None,
            label=f"gain {run['gain']:.2f}: {run['kind']}, a = {run['strength']:g}, "
            f"τ = {run['temperature']:g}",
        )
    ax.set(xlim=(0, 1), yscale="log")
    ax.set_xlabel("share of the singular vector in class directions")
    ax.set_ylabel("singular value of T")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.25)
    ax.legend(frameon=False, fontsize="small", loc="upper right")


def draw_errors(ax, runs):
    ax.axhline(1, color="#BBBBBB", lw=1, zorder=0)
    ax.axvline(1, color="#BBBBBB", lw=1, zorder=0)
    for run in runs[1:]:
        value, stderr = ratio(run, runs[0], "measured")
        colour, marker = COLOURS[run["temperature"]], MARKERS[run["kind"]]
        face = colour if run["kind"] == "all four" else "white"
        ax.errorbar(run["gain"], value, 2 * stderr, color=colour, lw=1, zorder=2)
        ax.plot(run["gain"], value, marker, color=colour, mfc=face, ms=6, zorder=3)
        ax.plot(run["gain"], ratio(run, runs[0], "predicted")[0], "_", color="#222222", ms=11)
    ax.set(xlabel="gain of the class directions", ylabel="error after / error before")
    grey = {"color": "#555555", "ls": "none"}
    ax.plot([], [], marker="o", **grey, label="measured, ± 2 s.e.")
    ax.plot([], [], marker="_", color="#222222", ls="none", ms=11, label="predicted, given T")
    ax.legend(frameon=False, fontsize="small", loc="upper right")


# %%
# Run
# ---


def check(runs, ends):
    """What the digits show."""
    before = runs[0]
    errors = [(run, *ratio(run, before, "measured")) for run in runs[1:]]
    # the claim: worse than the input where the class directions are clearly shrunk
    shrunk = [(value, stderr) for run, value, stderr in errors if run["gain"] < 0.95]
    assert len(shrunk) >= 4
    assert all(value > 1 for value, _ in shrunk)
    assert sum(value - 2 * stderr > 1 for value, stderr in shrunk) >= 4
    # and the other way round on average, not at each point
    assert np.mean([value for run, value, _ in errors if run["gain"] > 1.05]) < 1
    # with the best of the penalties none helps
    best = before["measured"].mean(axis=0).min()
    assert all(run["measured"].mean(axis=0).min() > best for run in runs[1:])
    # temperature moves the boundary at finite time
    for cold, hot in zip(runs[1::2], runs[2::2], strict=True):
        assert cold["gain"] < hot["gain"]
    # where the limit says that the error changes by an eighth or more, it has the sign right
    for run, value, _ in errors:
        change = ratio(run, before, "predicted")[0] - 1
        assert abs(change) < 0.125 or (value - 1) * change > 0
    # at the low temperature weak augmentation shrinks, and strong augmentation expands
    for kind in KINDS:
        cold = [run["gain"] for run in runs[1::2] if run["kind"] == kind]
        assert cold[0] < 0.95 < 1.05 < cold[-1]
    # in the end, in theory, noise does as well, and the other operations shrink at every strength
    assert ends["noise"][0] < 0.95 < 1.05 < ends["noise"][-1]
    assert max(ends["geometry"] + ends["occlusion"]) < 0.95


def main(arguments=None):
    parser = argparse.ArgumentParser(description="From augmentation to accuracy, on real images.")
    parser.add_argument("--images", metavar="PATH", help="folder of class folders, or IDX file")
    parser.add_argument("--side", type=int, default=8, help="side of the images, in pixels")
    parser.add_argument("--most", type=int, default=4000, help="images to use, drawn at random")
    parser.add_argument("--steps", type=int, default=300, help="of training")
    parser.add_argument("--output", metavar="FILE", help="save the figure instead of showing it")
    given = parser.parse_args(arguments)
    for name in ("side", "most", "steps"):
        if getattr(given, name) < 2:
            parser.error(f"--{name} must be at least 2, got {getattr(given, name)}")
    try:
        if given.images is None:
            images, labels = load_digits(return_X_y=True)
            images = images.reshape(-1, 8, 8) / 16
        else:
            images, labels = read_images(given.images, given.side)
        runs, classes, ends = experiment(images, labels, steps=given.steps, most=given.most)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print("\n".join(table(runs, ends)))
    figure = draw(runs, classes)
    if given.output:
        figure.savefig(given.output, dpi=150)
    else:
        plt.show()
    if given.images is None:  # what your own images show is for you to say
        check(runs, ends)


if __name__ == "__main__":
    main()
