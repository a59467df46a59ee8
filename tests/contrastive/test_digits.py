"""The example that trains projectors on images: its readers, its views, and a run on a folder."""

import gzip
import importlib.util
import struct
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "examples" / "plot_contrastive_digits.py"
spec = importlib.util.spec_from_file_location("plot_contrastive_digits", SCRIPT)
digits = importlib.util.module_from_spec(spec)
spec.loader.exec_module(digits)

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (6, 10, 12), dtype=np.uint8)
NAMES = np.array([0, 1, 0, 1, 1, 0], dtype=np.uint8)


def idx(array, kind=0x08):
    return (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()
    )


@pytest.fixture(params=["", ".gz"])
def idx_file(tmp_path, request):
    for name, array in (("images-idx3", PICTURES), ("labels-idx1", NAMES)):
        raw = idx(array)
        file = tmp_path / f"train-{name}-ubyte{request.param}"
        file.write_bytes(gzip.compress(raw) if request.param else raw)
    return tmp_path / f"train-images-idx3-ubyte{request.param}"


def folder_of(tmp_path, pictures, names, ending="png"):
    for k, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        (tmp_path / f"class {name}").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / f"class {name}" / f"{k:04d}.{ending}")
    return tmp_path


def shrunk(picture, side):
    """The mean of the pixels below each new one, for a size that divides the old one."""
    rows, columns = picture.shape
    return picture.reshape(side, rows // side, side, columns // side).mean(axis=(1, 3)) / 255


def test_idx(idx_file):
    """The file, or the folder that it is in."""
    for path in (idx_file, idx_file.parent, str(idx_file)):
        images, labels = digits.read_images(path, 2)
        assert np.array_equal(labels, NAMES)
        # rounded to a byte after each of two passes
        assert_allclose(images, [shrunk(p, 2) for p in PICTURES], atol=1.5 / 255)
    assert np.array_equal(digits.read_idx(idx_file), PICTURES)


@pytest.mark.parametrize(("ending", "tolerance"), [("png", 1.5), ("pgm", 1.5), ("jpg", 60)])
def test_folder(tmp_path, ending, tolerance):
    (tmp_path / "class 0").mkdir()
    (tmp_path / "class 0" / ".hidden").write_text("not an image, and not looked at")
    (tmp_path / "readme.txt").write_text("nor is this")
    images, labels = digits.read_images(folder_of(tmp_path, PICTURES, NAMES, ending), 2)
    order = np.argsort(NAMES, kind="stable")
    assert labels.tolist() == [f"class {k}" for k in NAMES[order]]
    expected = np.array([shrunk(p, 2) for p in PICTURES[order]])
    assert_allclose(images, expected, atol=tolerance / 255)
    assert np.abs(images[::-1] - expected).max() > 1.5 / 255


def test_colour_becomes_grey(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    images, _ = digits.read_images(folder_of(tmp_path, [red], ["a"]), 4)
    assert_allclose(images, 0.299 * 200 / 255, atol=1 / 255)


WRONG = [
    ("train-images-idx3-ubyte", lambda f: f.write_bytes(idx(PICTURES)[:-1]), "must hold 720 bytes"),
    ("train-images-idx3-ubyte", lambda f: f.write_bytes(idx(PICTURES)[:6]), "lengths, but ends"),
    (
        "train-images-idx3-ubyte",
        lambda f: f.write_bytes(b"\x89PNG and so on"),
        "must be an IDX file",
    ),
    (
        "train-images-idx3-ubyte",
        lambda f: f.write_bytes(idx(PICTURES, 0x0D)),
        "unsigned bytes.*0x0d",
    ),
    ("train-images-idx3-ubyte", lambda f: f.write_bytes(idx(NAMES)), "3 dimensions"),
    ("train-images-idx3-ubyte", lambda f: f.write_bytes(gzip.compress(b"a" * 99)[:20]), "gzip"),
    ("train-labels-idx1-ubyte", lambda f: f.write_bytes(idx(NAMES[:5])), "each of 6 images"),
    ("train-labels-idx1-ubyte", lambda f: f.unlink(), "labels .* must lie beside it"),
]


@pytest.mark.parametrize(("name", "spoil", "message"), WRONG)
def test_a_wrong_idx_file_is_named(tmp_path, name, spoil, message):
    for part, array in (("images-idx3", PICTURES), ("labels-idx1", NAMES)):
        (tmp_path / f"train-{part}-ubyte").write_bytes(idx(array))
    digits.read_images(tmp_path, 4)
    spoil(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as failure:
        digits.read_images(tmp_path, 4)
    assert name in str(failure.value)


def test_a_wrong_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must name a folder or an IDX .*nowhere"):
        digits.read_images(tmp_path / "nowhere", 8)
    with pytest.raises(ValueError, match="must hold a folder of images for each class"):
        digits.read_images(tmp_path, 8)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("words")
    with pytest.raises(ValueError, match=r"notes.txt must be an image"):
        digits.read_images(tmp_path, 8)
    (tmp_path / "pictures").write_bytes(idx(PICTURES))
    with pytest.raises(ValueError, match="must have 'images' in its name"):
        digits.read_images(tmp_path / "pictures", 8)


def test_halves():
    labels = np.repeat([3, 7], [140, 70])
    images = np.arange(210.0)[:, None, None]
    pool, labelled, names = digits.halves(images, labels, np.random.default_rng(0), 10**6, 32)
    assert sorted([*pool.ravel(), *labelled.ravel()]) == list(range(210))
    assert np.bincount(names)[[3, 7]].tolist() == [70, 35]
    assert np.array_equal(labels[labelled.ravel().astype(int)], names)
    with pytest.raises(ValueError, match="64 images or more, got 63 of '7'"):
        digits.halves(images[7:203], labels[7:203], np.random.default_rng(0), 10**6, 32)
    with pytest.raises(ValueError, match="at least 2 classes"):
        digits.halves(images[:140], labels[:140], np.random.default_rng(0), 10**6, 32)


# --------------------------------------------------------------------------- views and moments


def test_views():
    """Nothing at strength 0, and each operation does what it says."""
    images = RNG.uniform(0.2, 1.0, (300, 8, 8))
    for parts in digits.KINDS.values():
        assert_allclose(digits.augment(images, 0.0, RNG, parts), images, atol=1e-12)
    noise = digits.augment(images, 2.0, RNG, ("noise",)) - images
    assert_allclose(noise.std(), 0.3, rtol=0.03)
    hidden = digits.augment(images, 4.0, RNG, ("occlusion",))
    assert set(np.unique(hidden / images)) == {0.0, 1.0}
    assert 4 < np.mean(np.sum(hidden == 0, axis=(1, 2))) < 9  # a square of side 3, cut at the edge
    # a blob is moved by the shift, and what is moved is otherwise as it was
    rows, columns = np.mgrid[:8, :8]
    blob = np.exp(-((rows - 3.5) ** 2 + (columns - 3.5) ** 2) / 2)
    moved = digits.augment(np.repeat(blob[None], 500, axis=0), 2.0, RNG, ("geometry",))
    centre = (moved * rows).sum(axis=(1, 2)) / moved.sum(axis=(1, 2))
    assert_allclose(centre.std(), 0.5, rtol=0.15)
    assert_allclose(centre.mean(), 3.5, atol=0.1)


def test_gain_is_that_of_the_theory():
    """√(B∥/B⊥) on an isotropic mixture, up to what one direction of p adds to the noise."""
    p, n = 40, 4000
    labels = np.repeat([0, 1], n)
    h = RNG.normal(size=(2 * n, p))
    h[:, 0] += 3.0 * labels
    classes = digits.Classes(h, labels)
    expansion = np.diag([2.0, *np.ones(p - 1)])
    within = (p - 1 + 4) / p
    assert_allclose(classes.gain(expansion), 2 / np.sqrt(within), rtol=0.02)
    assert_allclose(classes.gain(5 * expansion), classes.gain(expansion), rtol=1e-12)
    assert_allclose(classes.gain(np.eye(p)), 1, rtol=1e-12)
    values, aligned = classes.spectrum(expansion)
    assert values.argmax() == aligned.argmax() == 0
    assert aligned[0] > 0.95
    assert_allclose(aligned.sum(), 1, rtol=1e-12)


def test_gaussian_training_ends_at_the_optimum():
    """B = S⁻¹ K S⁻¹ where the time is long, and T = I where it is 0."""
    first = RNG.normal(size=(5000, 3)) * [1.0, 2.0, 0.5]
    views = [first + 0.5 * RNG.normal(size=first.shape) for _ in range(2)]
    matrix = digits.gaussian_training(views, 2.0, 200.0, steps=4000)
    total = (views[0].T @ views[0] + views[1].T @ views[1]) / 10000
    cross = (views[0].T @ views[1] + views[1].T @ views[0]) / 10000
    half = np.linalg.solve(total, cross)
    assert_allclose(total @ matrix.T @ matrix / 2.0, half.T, atol=1e-6)
    assert_allclose(digits.gaussian_training(views, 2.0, 0.0), np.eye(3))


# --------------------------------------------------------------------------- from end to end


def test_own_images(tmp_path, capsys):
    """A bright square at the left or at the right, in noise: a folder, a table, a figure."""
    names = np.arange(136) % 2
    pictures = RNG.integers(0, 160, (136, 6, 6))
    for name, picture in zip(names, pictures, strict=True):
        picture[2:4, 3 * name + 1 : 3 * name + 3] += 60
    path = folder_of(tmp_path, pictures.astype(np.uint8), names)
    figure = tmp_path / "figure.png"
    digits.main(["--images", str(path), "--side", "6", "--steps", "5", "--output", str(figure)])
    plt.close("all")
    table = capsys.readouterr().out
    assert table.count("all four") == table.count("noise alone") == 8
    assert "nan" not in table
    with Image.open(figure) as picture:
        assert picture.size[0] > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nowhere"], "--images must name a folder or an IDX file, got nowhere"),
        (["--side", "1"], "--side must be at least 2, got 1"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        digits.main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
