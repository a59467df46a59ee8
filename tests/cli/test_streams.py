"""The command line on standard streams of any encoding, closed, broken or missing; and its files."""

import codecs
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import asymptotics as asy
from asymptotics.__main__ import main
from asymptotics.cli.streams import encodable

RIDGE = ["limit", "--signal", "1.5", "--aspect-ratio", "0.5", "--classifier", "ridge"]
RIDGE += ["--penalty", "0.1"]
GRID = [*RIDGE, "--gain", "1,2,4"]
FIGURE = ["figure", "--n", "20", "--trials", "2", "--jobs", "1"]
CONVERGENCE = ["convergence", "--signal", "1.5", "--classifier", "centroid", "--aspect-ratio", "1"]
CONVERGENCE += ["--n", "20,40,80", "--trials", "12"]
SWEEP = """
aspect_ratio = 0.5
[population]
signal = 1.5
[classifier."λ, une étude"]
kind = "ridge"
penalty = 0.1
"""


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(SWEEP, encoding="utf-8")
    return tmp_path


@pytest.fixture
def few_gains(monkeypatch):
    """Two classifiers, one with a λ in its label, and two gains."""
    from asymptotics import plots

    whole = plots.gain_curves

    def smaller(**options):
        return whole(classifiers=[asy.Ridge(0.1), asy.Centroid()], gains=[0.5, 2.0], **options)

    monkeypatch.setattr(plots, "gain_curves", smaller)


def python(argv, *, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment):
    command = [sys.executable, "-m", "asymptotics", *argv]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.run(command, stdout=stdout, stderr=stderr, timeout=60, env=env)


def into(encoding, argv, monkeypatch, errors="strict"):
    """Standard output of a command into an encoding, and what is said beside it."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, errors, newline="") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    code = main(argv)
    assert sys.stdout is out
    assert out.errors == errors  # as it was
    return code, *(s.buffer.getvalue().decode(encoding) for s in (out, err))


# ------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", "latin-1", "cp437", "shift_jis", "utf-8", "utf-16"]
)
def test_a_table_into_any_encoding(here, few_gains, monkeypatch, encoding):
    code, out, err = into(encoding, FIGURE, monkeypatch)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    spelled = "λ" if encoding.startswith("utf") or encoding == "shift_jis" else "lambda"
    assert lines[1].startswith(f"ridge, {spelled} = 0.1")
    assert len({len(line) for line in lines[:5]}) == 1  # the columns are aligned
    assert "figure: " in out
    with Path("headline.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["classifier"] == "ridge, λ = 0.1"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("command", ["limit", "figure", "sweep", "convergence", "--help"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_every_command_into_any_encoding(here, few_gains, monkeypatch, encoding, command, form):
    argv = {
        "limit": GRID,
        "figure": [*FIGURE, "--output", "bild-λ.png"],
        "sweep": ["sweep", "c.toml", "--output", "größe-λ.nc", "--figure", "λ.png"],
        "convergence": [*CONVERGENCE, "--figure", "λ.png", "--checkpoint", "blöcke-λ"],
        "--help": ["--help"],
    }[command]
    code, out, err = into(encoding, argv if command == "--help" else [*argv, *form], monkeypatch)
    assert (code, err) == (0, "")
    if form and command != "--help":
        document = json.loads(out)
        assert document["command"] == command
        if command == "figure":
            assert document["figure"] == "bild-λ.png"
    elif command == "figure":
        assert ("bild-λ.png" if encoding == "utf-8" else "bild-\\u03bb.png") in out
        assert Path("bild-λ.csv").exists()
    if command == "sweep":
        assert Path("größe-λ.nc").exists()
        assert Path("λ.png").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_error_into_any_encoding(here, monkeypatch, encoding):
    code, out, err = into(encoding, ["sweep", "λ.toml"], monkeypatch)
    assert (code, out) == (2, "")
    assert "CONFIG must be a file to read, got '\\u03bb.toml'" in err


def test_spelling():
    ascii_stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert encodable("λ → 0, é", ascii_stream) == "lambda -> 0, \\xe9"
    assert encodable("λ", io.StringIO()) == "λ"
    assert encodable("plain", None) == "plain"


def test_a_child_into_ascii(here):
    """As of a redirection on Windows."""
    Path("λ.toml").write_text(SWEEP + "[grid]\npenalty = [0.1, -1]\n", encoding="utf-8")
    for encoding in ("ascii", "cp1252"):
        done = python(["sweep", "λ.toml"], PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"sweep: error: \\u03bb.toml: grid.penalty must be" in done.stderr


# ---------------------------------------------------------------------- closed, broken, missing


@pytest.mark.parametrize("argv", [GRID, ["--help"], [*GRID, "--json"]], ids=str)
@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor before Python starts")
def test_a_reader_that_leaves(argv):
    """Of the help argparse does not say whether it was read."""
    read, write = os.pipe()
    os.close(read)
    done = python(argv, stdout=write)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode in ((0, 141) if argv == ["--help"] else (141,))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_once():
    with open("/dev/full", "wb") as full:
        done = python(GRID, stdout=full)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor before Python starts")
@pytest.mark.parametrize(
    ("closed", "argv", "code"), [(">&-", GRID, 0), (">&- 2>&-", GRID, 0), ("2>&-", ["limit"], 2)]
)
def test_closed_before_the_start(closed, argv, code):
    words = " ".join([sys.executable, "-m", "asymptotics", *argv, closed])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, shell=True, capture_output=True, timeout=60, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


@pytest.mark.parametrize("command", ["limit", "figure", "sweep", "convergence", "bad"])
@pytest.mark.parametrize("closed", [True, False])
def test_no_stream_at_all(here, few_gains, monkeypatch, command, closed):
    """None under pythonw; or closed by the program that calls main."""
    argv = {
        "limit": RIDGE,
        "figure": FIGURE,
        "sweep": ["sweep", "c.toml"],
        "convergence": CONVERGENCE,
    }
    stream = io.StringIO() if closed else None
    if closed:
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(argv.get(command, ["nonsense"])) == (2 if command == "bad" else 0)
    assert sys.stdout is stream
    if command in ("figure", "convergence"):
        assert Path({"figure": "headline.png", "convergence": "convergence.png"}[command]).exists()


def test_a_reader_that_leaves_a_stream_of_the_caller(monkeypatch):
    class Broken(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    assert main(RIDGE) == 141


# ---------------------------------------------------------------------------------- the file


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_configuration_of_any_editor(here, capsys, mark, end):
    Path("c.toml").write_bytes(mark + SWEEP.replace("\n", end).encode())
    assert main(["sweep", "c.toml", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    expected = asy.limit(asy.SpikedMixture(1.5), asy.Ridge(0.1), 0.5).accuracy
    assert row["accuracy"] == expected


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_another_unicode_is_named(here, capsys, encoding):
    Path("c.toml").write_bytes(SWEEP.lstrip().encode(encoding))
    assert main(["sweep", "c.toml"]) == 2
    line = capsys.readouterr().err
    assert "must be saved as UTF-8, got UTF-16 or UTF-32" in line


@pytest.mark.parametrize("encoding", ["cp1252", "cp1253", "shift_jis", "mac_roman"])
def test_a_byte_that_is_no_utf_8_is_named(here, capsys, encoding):
    words = "été" if encoding in ("cp1252", "mac_roman") else "λλλ"
    Path("c.toml").write_bytes(SWEEP.replace("λ, une étude", words).encode(encoding))
    assert main(["sweep", "c.toml"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "c.toml: not TOML: the file must be saved as UTF-8, got byte 0x" in line
    assert "at line 5" in line
