"""What travels to a worker: small tasks, and each large array once.

A task that stays in its process is handed over as it is. Pickled, it becomes a :class:`Parcel`, in
which large arrays are named by their content. Workers keep arrays on a shelf; the first tasks, one
for each worker, carry them along. A worker that lacks one, being new or having been given none,
answers :class:`Missing`: another task will carry it. So no backend needs a way of its own to share
data, and the loss of a worker loses nothing. Joblib maps large arrays into the memory of its own
workers; dask has no such way for what lies inside a task, and would send matrices with each.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import platform
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import current_process
from typing import Any, NamedTuple

import numpy as np

from ...checks import Array
from ..experiment import Experiment

__all__ = ["Block", "Courier", "Missing", "Parcel", "Task"]

# Arrays from this size on are sent by name.
_LARGE_BYTES = 1024
# What a worker keeps: arrays, the least recently used ones go first, and experiments.
_SHELF_BYTES = 2**29
_SHELF_EXPERIMENTS = 2
# How often a worker looks after its parent.
_WATCH_SECONDS = 1.0


class Block(NamedTuple):
    """Some trials of one experiment, to be computed; `job` is its number."""

    job: int
    experiment: Experiment
    root: np.random.SeedSequence
    trials: range


class Missing(NamedTuple):
    """What a worker answers to a block of which it lacks arrays."""

    job: int
    names: tuple[str, ...]


class Task:
    """Blocks for one worker."""

    def __init__(self, blocks: Sequence[Block], courier: Courier) -> None:
        self._blocks, self._courier = tuple(blocks), courier
        self._packed: tuple[Any, ...] | None = None

    def open(self) -> tuple[Block | Missing, ...]:
        return self._blocks

    def __reduce__(self) -> tuple[Any, ...]:
        if self._packed is None:
            self._packed = self._courier.pack(self._blocks)
        return Parcel, (*self._packed, (platform.node(), os.getpid()))


class Courier:
    """Packs tasks, and decides which of them carry the large arrays along.

    Parameters
    ----------
    workers : int
        How many tasks carry an array before it is taken to be known to everyone.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._copies: dict[str, int] = {}  # how many tasks are still to carry an array
        self._names: dict[int, tuple[Array, str]] = {}  # the array as well: its id stays its own
        self._packed: dict[int, tuple[bytes, tuple[str, ...]]] = {}
        self._arrays: dict[str, Array] = {}
        self._lock = threading.Lock()

    def pack(self, blocks: Sequence[Block]) -> tuple[Any, ...]:
        """The content and arrays of a :class:`Parcel`."""
        content, carried = [], {}
        with self._lock:
            for job, experiment, root, trials in blocks:
                if job not in self._packed:
                    self._packed[job] = _pack((experiment, root), self._name)
                packed, names = self._packed[job]
                content.append((job, packed, names, trials))
                for name in names:
                    left = self._copies.setdefault(name, self._workers)
                    if name not in carried and left > 0:
                        self._copies[name] = left - 1
                        carried[name] = self._arrays[name]
        return tuple(content), carried

    def send_again(self, missing: Missing) -> None:
        """Have one more task carry what a worker lacked."""
        with self._lock:
            for name in missing.names:
                self._copies[name] += 1

    def _name(self, array: Array) -> str:
        if id(array) not in self._names:
            rows = array.T if array.flags.f_contiguous else array  # the order shows in last bits
            described = f"{array.dtype.str} {array.shape} {array.flags.f_contiguous}"
            content = hashlib.sha256(described.encode())
            content.update(np.ascontiguousarray(rows).data)
            name = content.hexdigest()[:40]
            self._names[id(array)] = array, name
            self._arrays[name] = array
        return self._names[id(array)][1]


def _pack(thing: Any, name: Callable[[Array], str]) -> tuple[bytes, tuple[str, ...]]:
    """The pickle of something, with names for its large arrays; and these names."""
    # Joblib's own pickler, which knows classes of the main script: required by it from 1.6 on, and
    # part of it before.
    try:
        from cloudpickle import CloudPickler
    except ImportError:
        from joblib.externals.cloudpickle import CloudPickler

    names: dict[str, None] = {}

    class Packer(CloudPickler):  # type: ignore[misc]
        def persistent_id(self, part: Any) -> str | None:
            if type(part) is not np.ndarray or part.nbytes < _LARGE_BYTES or part.dtype.hasobject:
                return None
            names[found := name(part)] = None
            return found

    buffer = io.BytesIO()
    Packer(buffer, protocol=5).dump(thing)
    return buffer.getvalue(), tuple(names)


class Parcel:
    """A task on its way to a worker, or there.

    Attributes
    ----------
    content : tuple of (int, bytes, tuple of str, range)
        Of each block: its job, the packed experiment and root, its large arrays, and its trials.
    arrays : dict of str to array
        Those that this one carries.
    sender : (str, int)
        The machine and process that it comes from.
    """

    def __init__(
        self, content: tuple[Any, ...], arrays: dict[str, Array], sender: tuple[str, int]
    ) -> None:
        self.content, self.arrays, self.sender = content, arrays, sender

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self.content, self.arrays, self.sender)

    def open(self) -> tuple[Block | Missing, ...]:
        machine, process = self.sender
        if machine == platform.node():
            if process == os.getppid():
                _end_with_parent()
            elif current_process().name.startswith("LokyProcess"):
                os._exit(1)  # the parent is gone already, and nobody waits for the result
        return tuple(self._open(*each) for each in self.content)

    def _open(
        self, job: int, packed: bytes, names: tuple[str, ...], trials: range
    ) -> Block | Missing:
        arrays = _SHELF.arrays(names, self.arrays)
        missing = tuple(name for name in names if name not in arrays)
        if missing:
            return Missing(job, missing)
        experiment, root = _SHELF.experiment(packed, arrays)
        return Block(job, experiment, root, trials)


@cache
def _end_with_parent() -> None:
    """Have this worker end when its parent does, which may be killed without saying so."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


class _Shelf:
    """The arrays and experiments that a worker keeps for its next tasks."""

    def __init__(self) -> None:
        self._arrays: OrderedDict[str, Array] = OrderedDict()
        self._experiments: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()

    def arrays(self, names: Sequence[str], carried: dict[str, Array]) -> dict[str, Array]:
        """Those of some names that are carried or known; what is carried is known from now on."""
        with self._lock:
            found = {}
            for name in names:
                if name not in self._arrays and name in carried:
                    # Perhaps a memory map of joblib's, which workers on one machine share.
                    kept = carried[name].view(np.ndarray)
                    kept.flags.writeable = False
                    self._arrays[name] = kept
                if name in self._arrays:
                    self._arrays.move_to_end(name)
                    found[name] = self._arrays[name]
            while sum(array.nbytes for array in self._arrays.values()) > _SHELF_BYTES:
                self._arrays.popitem(last=False)
            return found

    def experiment(self, packed: bytes, arrays: dict[str, Array]) -> Any:
        """The experiment and root of a packed pair."""
        with self._lock:
            if packed not in self._experiments:
                self._experiments[packed] = _Reader(packed, arrays).load()
            self._experiments.move_to_end(packed)
            while len(self._experiments) > _SHELF_EXPERIMENTS:
                self._experiments.popitem(last=False)
            return self._experiments[packed]


class _Reader(pickle.Unpickler):
    """Puts arrays in the place of their names."""

    def __init__(self, packed: bytes, arrays: dict[str, Array]) -> None:
        super().__init__(io.BytesIO(packed))
        self._arrays = arrays

    def persistent_load(self, name: str) -> Array:
        return self._arrays[name]


_SHELF = _Shelf()
