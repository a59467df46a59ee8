"""Scaling out: any backend of joblib's, small tasks, lost workers and lost tasks."""

import os
import pickle
import signal
import threading
import time

import joblib
import numpy as np
import pytest
import threadpoolctl
import xarray
from joblib._parallel_backends import ThreadingBackend

import asymptotics as asy
from asymptotics.simulation.experiment import FIELDS, Experiment
from asymptotics.simulation.running import collect, jobs, parcels

KB = 1024


def gaussian(p, seed=0):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((p, p + 50))
    return asy.GaussianMixture(0.2 * rng.standard_normal(p), factor @ factor.T / p, balance=0.4)


def arrived(task):
    """A task as it is on another machine."""
    return pickle.loads(pickle.dumps(task))


@pytest.fixture
def shelf(monkeypatch):
    """A worker that has seen nothing yet."""
    monkeypatch.setattr(parcels, "_SHELF", parcels._Shelf())


def blocks(mix, count=4, aspect_ratio=None):
    root = np.random.SeedSequence(5)
    return [
        parcels.Block(
            k,
            Experiment.of(
                mix, asy.Ridge(0.1 + k), aspect_ratio, n=100, projector=asy.Expansion(2.0)
            ),
            root,
            range(3),
        )
        for k in range(count)
    ]


# ---------------------------------------------------------------------------- what is sent


def test_a_task_is_small():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
    some = blocks(mix, jobs._TASK_BLOCKS, 0.5)
    assert len(pickle.dumps(parcels.Task(some, parcels.Courier(1)))) < 8 * KB
    one = Experiment.of(mix, asy.Logistic(0.1), 0.5, n=100, projector=asy.Expansion(2.0))
    task = parcels.Task([parcels.Block(0, one, some[0].root, range(9))], parcels.Courier(1))
    assert len(pickle.dumps(task)) < KB


def test_matrices_do_not_travel_with_each_task(shelf):
    """Two workers, so two tasks carry the 4 MB of p = 500; the others are small."""
    some, courier = blocks(gaussian(500)), parcels.Courier(workers=2)
    matrices = some[0].experiment.mix.covariance.nbytes
    tasks = [pickle.dumps(parcels.Task(some, courier)) for _ in range(5)]
    assert [len(task) > matrices for task in tasks] == [True, True, False, False, False]
    assert max(map(len, tasks[2:])) < 6 * KB


def test_a_worker_that_lacks_a_matrix_says_so(shelf, monkeypatch):
    some, courier = blocks(gaussian(60), count=2), parcels.Courier(workers=1)
    expected = [block.experiment.run(block.root, block.trials) for block in some]
    first, second, third = (arrived(parcels.Task(some, courier)) for _ in range(3))
    for answers in (collect._compute((first,)), collect._compute((second,))):
        for answer, rows in zip(answers, expected, strict=True):
            np.testing.assert_array_equal(answer.rows, rows)
    monkeypatch.setattr(parcels, "_SHELF", parcels._Shelf())  # another worker in its place
    answers = collect._compute((third,))
    assert [type(answer) for answer in answers] == [parcels.Missing] * 2
    courier.send_again(answers[0])
    for answer, rows in zip(
        collect._compute((arrived(parcels.Task(some, courier)),)), expected, strict=True
    ):
        np.testing.assert_array_equal(answer.rows, rows)


def test_the_order_of_a_matrix_travels(shelf):
    """Of equal numbers: it shows in the last bits of a product."""
    rows = np.random.default_rng(4).standard_normal((40, 40))
    given = [np.ascontiguousarray(rows), np.asfortranarray(rows)]
    courier, root = parcels.Courier(1), np.random.SeedSequence(0)
    sent = [parcels.Block(k, array, root, range(1)) for k, array in enumerate(given)]
    opened = arrived(parcels.Task(sent, courier)).open()
    assert [b.experiment.flags.f_contiguous for b in opened] == [False, True]
    for block, array in zip(opened, given, strict=True):
        assert type(block.experiment) is np.ndarray
        assert not block.experiment.flags.writeable
        np.testing.assert_array_equal(block.experiment, array)


def test_a_memory_map_is_not_copied(shelf, tmp_path):
    """As joblib hands over what its workers share."""
    np.save(tmp_path / "a.npy", np.arange(400.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    (kept,) = parcels._SHELF.arrays(["a"], {"a": mapped}).values()
    assert type(kept) is np.ndarray
    assert np.shares_memory(kept, mapped)


def test_an_experiment_is_unpacked_once(shelf, monkeypatch):
    """Its decompositions serve all tasks of a worker: they would take longer than the trials."""
    made = []
    whole = Experiment.cells.func

    def cells(self):
        made.append(self)
        return whole(self)

    monkeypatch.setattr(Experiment.cells, "func", cells)
    some, courier = blocks(gaussian(60), count=1), parcels.Courier(workers=1)
    for _ in range(4):
        collect._compute((arrived(parcels.Task(some, courier)),))
    assert len(made) == 1


def test_classes_of_the_main_script_travel(shelf):
    """Which a worker cannot import."""
    own = type("Mine", (asy.Expansion,), {"__module__": "__main__"})
    experiment = Experiment.of(gaussian(60), asy.Ridge(0.1), None, n=100, projector=own(2.0))
    block = parcels.Block(0, experiment, np.random.SeedSequence(1), range(2))
    (answer,) = collect._compute((arrived(parcels.Task([block], parcels.Courier(1))),))
    np.testing.assert_array_equal(answer.rows, experiment.run(block.root, block.trials))


def test_a_worker_keeps_no_more_than_it_may(shelf, monkeypatch):
    monkeypatch.setattr(parcels, "_SHELF_BYTES", 70_000)  # room for two covariances
    for seed in range(4):
        some = blocks(gaussian(60, seed), count=1)
        (answer,) = collect._compute((arrived(parcels.Task(some, parcels.Courier(1))),))
        assert answer.rows.shape == (3, len(FIELDS))
        kept = parcels._SHELF._arrays.values()
        assert 28_800 <= sum(array.nbytes for array in kept) <= 70_000


def test_a_task_that_stays_is_not_copied():
    some = blocks(gaussian(60), count=2)
    opened = parcels.Task(some, parcels.Courier(1)).open()
    assert all(a.experiment is b.experiment for a, b in zip(opened, some, strict=True))


def test_one_thread_a_worker(monkeypatch):
    """Of BLAS: the order of a sum, and with it the last bit, depends on their number."""
    seen = []
    fit = asy.Ridge.train

    def train(self, *arguments):
        seen.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return fit(self, *arguments)

    monkeypatch.setattr(asy.Ridge, "train", train)
    arguments = {"n": 60, "trials": 2, "rng": 0}
    with threadpoolctl.threadpool_limits(2):
        first = asy.simulate(gaussian(30), asy.Ridge(0.1), **arguments)
        assert seen
        assert set(seen) == {1}
    second = asy.simulate(gaussian(30), asy.Ridge(0.1), **arguments)
    np.testing.assert_array_equal(first.accuracy, second.accuracy)


# ------------------------------------------------------------------------- what goes wrong


class Lossy(ThreadingBackend):
    """Says nothing of its first tasks, as joblib's dask backend does of those dask gives up."""

    lost = 0

    def submit(self, func, callback=None):
        if Lossy.lost < 2:
            Lossy.lost += 1
            return None
        return super().submit(func, callback)


class Broken(ThreadingBackend):
    """Workers die whatever they are given."""

    def submit(self, func, callback=None):
        raise RuntimeError("all hands lost")


@pytest.fixture
def backends(monkeypatch):
    monkeypatch.setitem(joblib.parallel.BACKENDS, "lossy", Lossy)
    monkeypatch.setitem(joblib.parallel.BACKENDS, "broken", Broken)
    monkeypatch.setattr(Lossy, "lost", 0)


SWEEP = {
    "mix": asy.SpikedMixture(1.5),
    "clf": asy.Ridge(0.1),
    "aspect_ratio": 0.5,
    "grid": {"penalty": [0.1, 1.0, 0.5]},
    "n": 200,
    "trials": 12,
    "rng": 3,
}


def test_lost_tasks_are_sent_again(backends, monkeypatch):
    monkeypatch.setattr(collect, "_PATIENCE_SECONDS", 0.5)
    with joblib.parallel_config("lossy", n_jobs=2):
        found = asy.sweep(**SWEEP)
    assert Lossy.lost == 2
    xarray.testing.assert_identical(found, asy.sweep(**SWEEP))


def test_nothing_but_lost_workers(backends, tmp_path):
    first = asy.sweep(**SWEEP | {"grid": {"penalty": [1.0]}}, checkpoint=tmp_path)
    with (
        joblib.parallel_config("broken", n_jobs=2),
        pytest.warns(UserWarning, match="2 of 3 points failed.*all hands lost"),
    ):
        found = asy.sweep(**SWEEP, checkpoint=tmp_path)
    status = found.simulation_status.values
    assert status[1] == "done"
    assert all(text.startswith("failed: workers failed 10 times") for text in status[[0, 2]])
    assert found.simulated.values[1] == first.simulated.values[0]
    assert np.isnan(found.simulated.values[[0, 2]]).all()


def test_the_first_failure_is_the_same_for_every_number_of_jobs():
    """A minority of 5 % is missing from some training sets of 40."""
    change = {
        "mix": asy.SpikedMixture(1.0),
        "grid": {"balance": [0.05, 0.5]},
        "n": 40,
        "trials": 60,
    }
    with pytest.warns(UserWarning, match="1 of 2 points failed"):
        first = asy.sweep(**SWEEP | change)
    for count in (2, 3):
        with (
            joblib.parallel_config("threading", n_jobs=count),
            pytest.warns(UserWarning, match="1 of 2 points failed"),
        ):
            xarray.testing.assert_identical(asy.sweep(**SWEEP | change), first)


def test_the_first_failure_counts_in_whatever_order_they_come():
    experiment = Experiment.of(asy.SpikedMixture(1.0), asy.Ridge(0.1), 0.5, n=20)
    job = jobs.Job(experiment, np.random.SeedSequence(0), 10, None)
    first, second = ValueError("first"), ValueError("second")
    job.fail(range(6, 8), second)
    assert job.missing(0, 1) == [range(6)]  # any of these may be the first one
    job.fail(range(3, 4), first)
    job.fail(range(8, 9), second)
    assert job.failure is first
    assert job.missing(0, 1) == [range(3)]
    assert job.missing(1, 2) == [range(1, 3, 2)]


def test_a_fault_of_the_code_keeps_its_traceback(monkeypatch):
    def train(self, *arguments):
        raise TypeError("a fault in this line")

    monkeypatch.setattr(asy.Ridge, "train", train)
    with pytest.raises(TypeError, match="a fault in this line") as caught:
        asy.simulate(asy.SpikedMixture(1.0), asy.Ridge(0.1), 0.5, n=20, trials=2, method="direct")
    assert any("in train" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_backends(backend):
    """The second one hands over its results all at once."""
    expected = asy.sweep(**SWEEP)
    with joblib.parallel_config(backend, n_jobs=2):
        xarray.testing.assert_identical(asy.sweep(**SWEEP), expected)


def test_progress(capsys, tmp_path):
    """The bar counts trials and blocks, goes on from a checkpoint, and shows the worst z-score."""
    asy.sweep(**SWEEP | {"trials": 10}, checkpoint=tmp_path)
    found = asy.sweep(**SWEEP, checkpoint=tmp_path, progress=True)
    last = capsys.readouterr().err.strip().split("\r")[-1]
    assert "36/36" in last
    assert "blocks=4" in last  # one of one trial, until it is known how long they take
    assert f"worst |z|={abs(found.z).max().item():.1f}" in last


# ------------------------------------------------------------------------------- a cluster


@pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")
def test_a_cluster_that_loses_a_worker(tmp_path):
    """Two processes of dask, one killed in mid-sweep: the same bits as alone."""
    distributed = pytest.importorskip("distributed")
    arguments = SWEEP | {
        "mix": {"matrix": gaussian(100), "spiked": asy.SpikedMixture(1.5).realise(100)},
        "clf": asy.Logistic(0.1),
        "aspect_ratio": None,
        "trials": 40,
    }
    expected = asy.sweep(**arguments)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None is the port 8787, which may be taken
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster),
    ):
        killed = []

        def kill():
            """As soon as the first blocks are there."""
            while len(list((tmp_path / "folder").rglob("*.block"))) < 6:
                time.sleep(0.01)
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        with joblib.parallel_config("dask"):
            found = asy.sweep(**arguments, checkpoint=tmp_path / "folder")
        killer.join(10)
        assert killed
    xarray.testing.assert_identical(found, expected)
    xarray.testing.assert_identical(asy.sweep(**arguments, checkpoint=tmp_path / "folder"), found)
