"""Randomness: what `rng` may be (SPEC 7), and the children of one root.

The one policy, of every function that takes an `rng`: an int or a SeedSequence gives the same
numbers every time, and is left as it is; a Generator gives others at each call; None asks the
operating system. What draws once takes the numbers of a Generator itself, what draws many times
over has the Generator spawn a root.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .intake import shown

__all__ = ["POOL_SIZE", "check_rng", "nested_root", "root_sequence", "trial_generator"]

#: That of a SeedSequence for which nothing else was asked.
POOL_SIZE = np.random.SeedSequence(0).pool_size


def check_rng(rng: Any) -> np.random.Generator:
    """The generator to draw from: a new one, unless a Generator is given.

    Parameters
    ----------
    rng : int, SeedSequence, Generator, BitGenerator or None
        A BitGenerator counts as the Generator that it makes.

    Raises
    ------
    TypeError, ValueError
        For anything else, and for a negative int.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, np.random.BitGenerator):
        return np.random.Generator(rng)
    return np.random.default_rng(_fresh_sequence(rng))


def root_sequence(rng: Any) -> np.random.SeedSequence:
    """The root of many draws, whose descendants are made by :func:`nested_root`.

    Parameters
    ----------
    rng : int, SeedSequence, Generator, BitGenerator or None
        A Generator spawns a new root at each call, and is not advanced.

    Raises
    ------
    TypeError, ValueError
        For anything else, for a negative int, and for a Generator that cannot spawn.
    """
    if not isinstance(rng, (np.random.Generator, np.random.BitGenerator)):
        return _fresh_sequence(rng)
    parent = check_rng(rng).bit_generator.seed_seq
    if not isinstance(parent, np.random.bit_generator.ISpawnableSeedSequence):
        raise TypeError("rng must be able to spawn: one made from a seed or a SeedSequence")
    (child,) = parent.spawn(1)
    if not isinstance(child, np.random.SeedSequence):
        raise TypeError(f"rng must spawn a SeedSequence, got {shown(child)}")
    return child


def _fresh_sequence(rng: Any) -> np.random.SeedSequence:
    """A sequence of our own: whoever spawns from it uses up nothing of the caller's."""
    if isinstance(rng, np.random.SeedSequence):
        return nested_root(rng)
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, (bool, np.bool_)):
        if rng < 0:
            raise ValueError(f"rng must be a non-negative integer, got {shown(rng)}")
        return np.random.SeedSequence(int(rng))
    raise TypeError(f"rng must be an int, a SeedSequence, a Generator or None, got {shown(rng)}")


def nested_root(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The descendant of a root under a spawn key, which leaves the root as it is."""
    return np.random.SeedSequence(
        root.entropy, spawn_key=(*root.spawn_key, *key), pool_size=root.pool_size
    )


def trial_generator(root: np.random.SeedSequence, trial: int) -> np.random.Generator:
    """The generator of one trial, which depends on no other trial and on no worker."""
    return np.random.default_rng(nested_root(root, trial))
