"""Finished trials on disk: immutable blocks that survive whatever happens to their writer.

A block holds some trials of one experiment. It is written under a temporary name, flushed to the
disk and renamed, so that a block is there as a whole or not at all; its checksum is verified
whenever it is read. Trial k of an experiment has one value only, whoever computed it: blocks may
overlap, and no trial is counted twice. The layout is

    folder/3f/3f0c…e1/00000000-00000015-1-9ac24f0e.block      <first>-<last>-<step>-<checksum>

one folder for each experiment, named by its content. A block is three parts: a line with the
SHA-256 of what follows, a line of JSON that says what the block is, and the numbers, little-endian
float64 of shape (trials, fields, *shape of the experiment).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...checks import Array
from ...intake import shown
from ...outcomes import CheckpointError, CheckpointWarning
from ..experiment import FIELDS

__all__ = ["Store"]

_SUFFIX = ".block"
# A writer that has not renamed its file after so long is no more.
_ABANDONED_SECONDS = 3600.0
# What is needed of a block's line of JSON.
_HEADER = ("key", "first", "step", "count", "fields", "shape")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Store:
    """A folder of finished trials, which any number of processes may share.

    Parameters
    ----------
    folder : str or path
        Made if it does not exist.

    Raises
    ------
    TypeError, ValueError
        If `folder` is not a path, or that of a file.
    CheckpointError
        If it cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            self.folder = Path(folder)
        except TypeError:
            raise TypeError(
                f"checkpoint must be the path of a folder, got {shown(folder)}"
            ) from None
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"checkpoint must be a folder, got the file {str(folder)!r}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"checkpoint must be a folder that can be made, got {str(folder)!r}: "
                f"{error.strerror}"
            ) from error

    def _home(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def read(self, key: str, shape: tuple[int, ...]) -> list[tuple[range, Array]]:
        """The blocks of an experiment: trials, and their numbers of shape (trials, *`shape`).

        A block that is cut short, altered or of another experiment is put aside under the suffix
        ``.damaged``, and a :class:`CheckpointWarning` says so: its trials count as not done.

        Raises
        ------
        CheckpointError
            If the folder or a block cannot be read.
        """
        home = self._home(key)
        try:
            with os.scandir(home) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(home, error) from error
        found = []
        for entry in entries:
            path = Path(entry.path)
            if path.suffix == _SUFFIX:
                block = self._read_block(path, key, shape)
                found += [] if block is None else [block]
            elif path.suffix == ".tmp":
                with suppress(OSError):  # its writer may have renamed it meanwhile
                    if time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
                        path.unlink()
        return found

    def _read_block(
        self, path: Path, key: str, shape: tuple[int, ...]
    ) -> tuple[range, Array] | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # put aside by another process
            return None
        except OSError as error:
            raise self._unreadable(path, error) from error
        try:
            return _decode(content, key, shape)
        except (ValueError, KeyError, TypeError) as error:
            with suppress(OSError):  # another process was first, or the folder is read-only
                path.replace(path.with_suffix(".damaged"))
            warnings.warn(
                f"{path} is damaged ({error}): it is put aside, and its trials are drawn again",
                CheckpointWarning,
                stacklevel=2,
            )
            return None

    def _unreadable(self, path: Path, error: OSError) -> CheckpointError:
        return CheckpointError(f"checkpoint {str(path)!r} cannot be read: {error.strerror}")

    def write(self, key: str, description: Mapping[str, Any], trials: range, rows: Array) -> None:
        """Add a block; when this returns, it is on the disk.

        Raises
        ------
        CheckpointError
            If the disk is full or refuses. All blocks written before are intact.
        """
        content, checksum = _encode(key, description, trials, rows)
        home = self._home(key)
        name = f"{trials[0]:08d}-{trials[-1]:08d}-{trials.step}-{checksum[:8]}"
        temporary = home / f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        try:
            self._make(home)
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(home / (name + _SUFFIX))
            _flush_folder(home)
        except OSError as error:
            reason = "the disk or a quota is full" if error.errno in _FULL else "the system refuses"
            raise CheckpointError(
                f"checkpoint {str(self.folder)!r} cannot be written to: {reason} "
                f"({error.strerror}); what was finished before is kept, and running again goes "
                "on from there"
            ) from error
        finally:
            with suppress(OSError):  # there only if something went wrong, Ctrl-C included
                temporary.unlink()

    def _make(self, home: Path) -> None:
        """Make an experiment's folder, as permanent as what it will hold."""
        for folder in (self.folder, home.parent, home):
            try:
                folder.mkdir(parents=folder == self.folder)
            except FileExistsError:
                continue
            _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename in a folder permanent, where the system has a way to do so."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fields(count: int) -> list[str]:
    """Names of the columns: those of two classes, or numbers, which the experiment explains."""
    return list(FIELDS) if count == len(FIELDS) else [str(k) for k in range(count)]


def _encode(
    key: str, description: Mapping[str, Any], trials: range, rows: Array
) -> tuple[bytes, str]:
    numbers = np.ascontiguousarray(rows, dtype="<f8")
    header = {
        "key": key,
        "first": trials.start,
        "step": trials.step,
        "count": len(trials),
        "fields": _fields(numbers.shape[1]),
        "shape": list(numbers.shape[1:]),
        "experiment": description,
    }
    assert len(numbers) == len(trials)
    text = json.dumps(header, separators=(",", ":"), allow_nan=False)
    body = text.encode() + b"\n" + numbers.tobytes()
    checksum = hashlib.sha256(body).hexdigest()
    return checksum.encode() + b"\n" + body, checksum


def _decode(content: bytes, key: str, shape: tuple[int, ...]) -> tuple[range, Array]:
    """The trials and numbers of a block; ValueError if it is not what it was."""
    checksum, newline, body = content.partition(b"\n")
    if not newline:
        raise ValueError("cut short")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise ValueError("its checksum does not agree")
    text, _, numbers = body.partition(b"\n")
    header = json.loads(text)
    missing = [name for name in _HEADER if name not in header]
    if missing:
        raise ValueError(f"it is of another format, without {', '.join(missing)}")
    if header["key"] != key:
        raise ValueError("it belongs to another experiment")
    if header["fields"] != _fields(shape[0]) or header["shape"] != list(shape):
        raise ValueError(
            f"it is of another format, with the fields {header['fields']} of shape "
            f"{header['shape']}, not {_fields(shape[0])} of shape {list(shape)}"
        )
    first, step, count = header["first"], header["step"], header["count"]
    rows = np.frombuffer(numbers, dtype="<f8").reshape(count, *shape)
    return range(first, first + step * count, step), rows.astype(float)
