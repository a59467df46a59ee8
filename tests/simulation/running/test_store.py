"""Checkpoints: whatever happens to the process or the folder, the same bits in the end.

Processes that die here are real ones, killed by real signals. They are run with tasks of some
milliseconds instead of a second, so that there is something to lose at every moment.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import xarray

import asymptotics as asy
from asymptotics.simulation.experiment import FIELDS, Experiment
from asymptotics.simulation.running import collect, fingerprint, jobs
from asymptotics.simulation.running.store import Store

MIX = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
ARGUMENTS = {
    "mix": MIX,
    "clf": asy.Ridge(0.1),
    "aspect_ratio": 0.5,
    "grid": {"penalty": [0.1, 1.0], "gain": [0.5, 2.0]},
    "projector": asy.Expansion(1.0),
    "n": 2000,
    "rng": 11,
}
TRIALS = 40

# The same in a process of its own; prints "go" before, and what came of it after.
CHILD = """
import json, resource, sys, warnings
import asymptotics as asy
from asymptotics.simulation.running import jobs

jobs._TASK_SECONDS = 0.01
folder, trials, n_jobs, limit = json.loads(sys.argv[1])
warnings.simplefilter("ignore")
arguments = dict(
    mix=asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)]), clf=asy.Ridge(0.1), aspect_ratio=0.5,
    grid={"penalty": [0.1, 1.0], "gain": [0.5, 2.0]}, projector=asy.Expansion(1.0), n=2000, rng=11,
)
if __name__ == "__main__":
    print("go", flush=True)
    if limit:
        asy.sweep(**arguments, trials=3, checkpoint=folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        found = asy.sweep(**arguments, trials=trials, checkpoint=folder, n_jobs=n_jobs)
    except asy.CheckpointError as error:
        print(json.dumps(str(error)))
    else:
        print(json.dumps([found.trials.values.tolist(), found.simulated.values.tobytes().hex()]))
"""

posix = pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")


STARTED = []


@pytest.fixture(autouse=True)
def leave_no_child():
    """A test that fails half way ends its child itself: no other test hears of it."""
    yield
    while STARTED:
        child = STARTED.pop()
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def start(folder, trials=TRIALS, n_jobs=None, limit=0):
    arguments = json.dumps([str(folder), trials, n_jobs, limit])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    STARTED.append(child)
    return child


def finish(child):
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def blocks(folder):
    return sorted(folder.rglob("*.block"))


def wait_for(condition, child):
    """Until the condition holds or the child has ended."""
    until = time.monotonic() + 60
    while not condition() and child.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)


def workers(child):
    """The child's workers that live; one that was killed may still wait to be reaped."""
    psutil = pytest.importorskip("psutil")
    found = []
    for each in psutil.Process(child.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie too, or gone since the listing
            if "resource_tracker" not in " ".join(each.cmdline()):
                found.append(each)
    return found


def is_at_work(process):
    """Whether a worker has been given a task; until then it is joblib's, which ends it in time."""
    return any("numpy" in part.path for part in process.memory_maps())


def assert_gone(processes):
    _, alive = pytest.importorskip("psutil").wait_procs(processes, timeout=30)
    assert not alive


def sweep(folder=None, **changes):
    return asy.sweep(**(ARGUMENTS | {"trials": TRIALS} | changes), checkpoint=folder)


@pytest.fixture(scope="module")
def whole():
    """What an uninterrupted sweep without a checkpoint gives."""
    return sweep()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder that holds all of it, in blocks of a few trials."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_TASK_SECONDS", 0.01)
        sweep(folder)
    return folder


@pytest.fixture
def folder(filled, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copytree(filled, tmp_path / "copy")


@pytest.fixture
def drawn(monkeypatch):
    """The trials that are drawn from here on, in this process."""
    trials = []
    run = Experiment.run

    def counted(self, root, some):
        trials.extend(some)
        return run(self, root, some)

    monkeypatch.setattr(Experiment, "run", counted)
    return trials


# ------------------------------------------------------------------------- killed processes


@posix
def test_killed_at_any_moment(tmp_path):
    """Four times in a row, each time a little further on."""
    moments, trials, killed = random.Random(1), 150, 0
    for _ in range(4):
        before = len(blocks(tmp_path))
        enough = before + moments.randrange(1, 12)
        child = start(tmp_path, trials)
        wait_for(lambda enough=enough: len(blocks(tmp_path)) >= enough, child)
        time.sleep(moments.uniform(0.0, 0.01))
        child.kill()
        child.communicate()
        killed += child.returncode == -signal.SIGKILL
        assert len(blocks(tmp_path)) > before or child.returncode == 0
    assert killed >= 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", asy.CheckpointWarning)  # what is there is whole
        found = sweep(tmp_path, trials=trials)
    xarray.testing.assert_identical(found, sweep(trials=trials))


@posix
def test_killed_with_a_pool(whole, tmp_path):
    """Its workers end by themselves."""
    child = start(tmp_path, trials=4000, n_jobs=2)
    wait_for(lambda: len(blocks(tmp_path)) >= 8, child)
    pool = workers(child)
    assert len(pool) == 2
    wait_for(lambda: all(map(is_at_work, pool)), child)
    child.kill()
    assert_gone(pool)
    child.communicate()
    xarray.testing.assert_identical(sweep(tmp_path), whole)


@posix
def test_ctrl_c_returns_what_is_done(whole, tmp_path):
    child = start(tmp_path, trials=4000)
    wait_for(lambda: len(blocks(tmp_path)) >= 3, child)
    child.send_signal(signal.SIGINT)
    counts, _ = finish(child)
    assert 0 < np.sum(counts) < 4000 * 4
    xarray.testing.assert_identical(sweep(tmp_path), whole)


@posix
def test_a_killed_worker_and_ctrl_c_in_a_pool(whole, tmp_path):
    """A worker of joblib's own is killed: the sweep goes on. Ctrl-C leaves no worker behind."""
    child = start(tmp_path, trials=4000, n_jobs=2)
    wait_for(lambda: len(blocks(tmp_path)) >= 4, child)
    first = workers(child)
    first[0].kill()
    before = len(blocks(tmp_path))
    wait_for(lambda: len(blocks(tmp_path)) >= before + 6, child)
    assert child.poll() is None
    second = workers(child)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does, to the workers as well
    counts, _ = finish(child)
    assert 0 < np.sum(counts) < 4000 * 4
    assert_gone(first + second)
    xarray.testing.assert_identical(sweep(tmp_path), whole)


@posix
def test_two_processes_in_one_folder(whole, tmp_path):
    pair = [start(tmp_path) for _ in range(2)]
    for child in pair:
        counts, numbers = finish(child)
        assert np.all(np.array(counts) == TRIALS)
        assert numbers == whole.simulated.values.tobytes().hex()
    xarray.testing.assert_identical(sweep(tmp_path), whole)


@posix
def test_a_file_that_cannot_grow(whole, tmp_path):
    """The system refuses to write beyond a real limit, in the middle of a block."""
    message = finish(start(tmp_path, limit=700))
    assert "cannot be written to: the disk or a quota is full" in message
    assert str(tmp_path) in message
    assert "running again goes on" in message
    assert len(blocks(tmp_path)) >= 4
    assert not list(tmp_path.rglob("*.tmp"))
    xarray.testing.assert_identical(sweep(tmp_path), whole)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="checkpoint must be a folder, got the file"):
        sweep(tmp_path / "file")
    with pytest.raises(asy.CheckpointError, match="checkpoint must be a folder that can be made"):
        sweep(tmp_path / "file" / "folder")
    experiment = Experiment.of(MIX, asy.Ridge(0.1), 0.5, n=2000, projector=asy.Expansion(0.5))
    key = fingerprint.fingerprint(
        fingerprint.describe_experiment(experiment, np.random.SeedSequence(11))
    )
    (tmp_path / key[:2]).write_text("")  # in the place of an experiment's folder
    with pytest.raises(asy.CheckpointError, match="cannot be read: Not a directory"):
        sweep(tmp_path)


# --------------------------------------------------------------------------- damaged folders


def test_every_byte_counts(folder):
    """A block with any one byte altered, or cut at any place, is not taken for what it was."""
    path = blocks(folder)[0]
    content, key = path.read_bytes(), path.parent.name
    store = Store(folder)
    bits = random.Random(0)
    for other in path.parent.glob("*.block"):
        other.unlink()

    def read(altered):
        path.write_bytes(altered)
        with pytest.warns(asy.CheckpointWarning, match=r"is damaged .* drawn again"):
            return store.read(key, (len(FIELDS),))

    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1 << bits.randrange(8)
        assert read(altered) == []
        if place % 5 == 0:
            assert read(content[:place]) == []
    assert read(content + b"\n") == []
    path.write_bytes(content)
    ((trials, rows),) = store.read(key, (len(FIELDS),))
    assert len(trials) == len(rows)


def test_damage_is_said_and_repaired(whole, folder, drawn):
    paths = blocks(folder)
    homes = sorted({path.parent for path in paths})
    (homes[0] / "leftover.tmp").write_bytes(b"half a block")
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    other = next(path for path in paths if path.parent != paths[2].parent)
    shutil.copy(other, paths[2].parent / other.name)  # a valid block of another experiment
    with pytest.warns(asy.CheckpointWarning) as said:
        xarray.testing.assert_identical(sweep(folder), whole)
    texts = [str(warning.message) for warning in said]
    assert len(texts) == 3
    for reason in ("cut short", "checksum does not agree", "belongs to another experiment"):
        assert sum(reason in text for text in texts) == 1
    assert len(list(folder.rglob("*.damaged"))) == 3
    assert 0 < len(drawn) < TRIALS
    # Once said and repaired, it is over.
    drawn.clear()
    xarray.testing.assert_identical(sweep(folder), whole)
    assert not drawn


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.pop("shape"), "another format, without shape"),
        (lambda header: header.update(fields=["accuracy"]), r"with the fields \['accuracy'\]"),
        (lambda header: header.update(key="0"), "it belongs to another experiment"),
    ],
)
def test_a_block_of_another_format_is_named(folder, change, words):
    path = blocks(folder)[0]
    _, text, numbers = path.read_bytes().split(b"\n", 2)
    header = json.loads(text)
    change(header)
    body = json.dumps(header).encode() + b"\n" + numbers
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    with pytest.warns(asy.CheckpointWarning, match=words):
        Store(folder).read(path.parent.name, (len(FIELDS),))


def test_deleted_and_renamed_files(whole, folder, drawn):
    paths = blocks(folder)
    paths[0].unlink()
    paths[1].rename(paths[1].with_name("renamed.block"))  # what it holds is in it, not in its name
    paths[2].rename(paths[2].with_suffix(".old"))
    shutil.copy(paths[3], paths[3].with_name("copy.block"))
    shutil.rmtree(blocks(folder)[-1].parent)
    xarray.testing.assert_identical(sweep(folder), whole)
    assert TRIALS < len(drawn) < 2 * TRIALS


# ----------------------------------------------------------------------------- what is kept


def test_trials_are_a_target(whole, tmp_path, drawn):
    short = sweep(tmp_path, trials=15)
    assert len(drawn) == 4 * 15
    drawn.clear()
    xarray.testing.assert_identical(sweep(tmp_path), whole)
    assert len(drawn) == 4 * (TRIALS - 15)
    assert min(drawn) == 15
    drawn.clear()
    xarray.testing.assert_identical(sweep(tmp_path, trials=15), short)
    assert not drawn


def test_what_does_not_matter_keeps_what_is_there(whole, folder, drawn):
    """The number of jobs, and the grid around a point."""
    sweep(folder, n_jobs=1)
    clf = asy.Ridge(5.0)  # which the grid overrides
    found = sweep(folder, clf=clf, grid={"gain": [2.0], "penalty": [1.0, 0.1], "n": [2000]})
    assert not drawn
    same = whole.simulated.sel(gain=2.0).values
    np.testing.assert_array_equal(found.simulated.values.ravel(), same[::-1])
    found = sweep(folder, grid={"gain": [0.5, 1.0], "penalty": [0.1]})
    assert len(drawn) == TRIALS
    assert found.simulated.values[0, 0] == whole.simulated.values[0, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"rng": 12},
        {"rng": np.random.SeedSequence(11, spawn_key=(0,))},
        {"n": 2002},
        {"aspect_ratio": 0.501},
        {"mix": asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, np.nextafter(0.3, 1.0))])},
        {"clf": asy.Ridge(0.1, fit_intercept=False)},
        {"projector": asy.Expansion(1.0, alignment=0.5)},
        {"projector": asy.Expansion(1.0, spike=0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_matters_is_drawn_anew(change, folder, drawn):
    sweep(folder, trials=1, **change)
    assert len(drawn) == 4


def test_another_algorithm_is_another_experiment(folder, drawn, monkeypatch):
    monkeypatch.setattr(fingerprint, "ALGORITHM", fingerprint.ALGORITHM + 1)
    sweep(folder, trials=1)
    assert len(drawn) == 4


def test_the_algorithm_has_the_number_that_its_numbers_have():
    """If this fails, trials have changed: raise ALGORITHM, so that no folder mixes old with new.

    The tolerance is for other machines, whose last digits may differ.
    """
    assert fingerprint.ALGORITHM == 1
    projector = asy.Expansion(2.0, alignment=0.5)
    for clf, method, expected in [
        (asy.Ridge(0.1), "exact-law", EXACT),
        (asy.Ridge(0.1), "direct", DIRECT),
        (asy.SVM(0.5), "direct", MARGIN),
    ]:
        sim = asy.simulate(MIX, clf, 0.5, n=40, trials=2, projector=projector, rng=0, method=method)
        np.testing.assert_allclose(sim.accuracy, expected, rtol=1e-5)


EXACT = [0.87501343, 0.87713975]
DIRECT = [0.83332551, 0.81639569]
MARGIN = [0.89664409, 0.78672114]


def test_shards(whole, tmp_path, drawn):
    for k in (3, 1, 2):
        found = sweep(tmp_path, shard=(k, 3))
        assert 4 * TRIALS // 3 - 4 <= len(drawn) <= 4 * TRIALS // 3 + 4
        drawn.clear()
    xarray.testing.assert_identical(found, whole)  # the last one finds the others' blocks
    xarray.testing.assert_identical(sweep(tmp_path), whole)
    assert not drawn


def test_a_shard_says_what_is_not_there(tmp_path):
    found = sweep(tmp_path, shard=(1, 2))
    assert (found.simulation_status == "incomplete").all()
    assert (found.trials == TRIALS // 2).all()
    assert not json.loads(found.attrs["metadata"])["complete"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shard": (1, 2)}, ValueError, "checkpoint must be given with a shard"),
        ({"shard": (0, 2), "checkpoint": "x"}, ValueError, "shard i must be .* at least 1, got 0"),
        ({"shard": (3, 2), "checkpoint": "x"}, ValueError, r"1 <= i <= k, got \(3, 2\)"),
        ({"shard": 3, "checkpoint": "x"}, TypeError, r"shard must be a pair \(i, k\), got 3"),
        ({"rng": None, "checkpoint": "x"}, ValueError, "rng must be given with a checkpoint"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be the path of a folder, got 3"),
    ],
)
def test_nonsense_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        asy.sweep(**(ARGUMENTS | {"trials": 2} | change))


def test_batches_and_failures_are_kept_apart(tmp_path):
    """Experiments of array parameters go into blocks of their own shape."""
    experiment = Experiment.of(MIX, asy.Ridge([0.1, 1.0]), 0.5, n=40)
    root, store = np.random.SeedSequence(3), Store(tmp_path)
    first = collect.collect([experiment], [root], 4, store=store).rows[0]
    assert first.shape == (4, len(FIELDS), 2)
    again = collect.collect([experiment], [root], 6, store=store).rows[0]
    np.testing.assert_array_equal(again[:4], first)
    np.testing.assert_array_equal(again, experiment.run(root, range(6)))
