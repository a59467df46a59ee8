"""Randomness of a simulation: one root, one child of it for each trial."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..intake import shown

__all__ = ["nested_root", "root_sequence", "trial_generator"]


def root_sequence(rng: Any) -> np.random.SeedSequence:
    """The root of a simulation's randomness.

    Parameters
    ----------
    rng : int, SeedSequence, Generator, BitGenerator or None
        An int or a SeedSequence gives the same root every time, and is left as it is. A Generator
        spawns a new root at each call, and is not advanced. None asks the operating system.

    Raises
    ------
    TypeError, ValueError
        For anything else, for a negative int, and for a Generator that cannot spawn.
    """
    if isinstance(rng, np.random.Generator):
        rng = rng.bit_generator
    if isinstance(rng, np.random.BitGenerator):
        parent = rng.seed_seq
        if not isinstance(parent, np.random.bit_generator.ISpawnableSeedSequence):
            raise TypeError("rng must be able to spawn: one made from a seed or a SeedSequence")
        (child,) = parent.spawn(1)
        if not isinstance(child, np.random.SeedSequence):
            raise TypeError(f"rng must spawn a SeedSequence, got {shown(child)}")
        return child
    if isinstance(rng, np.random.SeedSequence):
        return np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size)
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, (bool, np.bool_)):
        if rng < 0:
            raise ValueError(f"rng must be a non-negative integer, got {shown(rng)}")
        return np.random.SeedSequence(int(rng))
    raise TypeError(f"rng must be an int, a SeedSequence, a Generator or None, got {shown(rng)}")


def trial_generator(root: np.random.SeedSequence, trial: int) -> np.random.Generator:
    """The generator of one trial, which depends on no other trial and on no worker."""
    return np.random.default_rng(
        np.random.SeedSequence(
            root.entropy, spawn_key=(*root.spawn_key, trial), pool_size=root.pool_size
        )
    )


def nested_root(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The descendant of a root under a spawn key, which leaves the root as it is."""
    return np.random.SeedSequence(
        root.entropy, spawn_key=(*root.spawn_key, *key), pool_size=root.pool_size
    )
