"""Contrastive losses of sampled pairs with in-batch negatives, and their gradients in T.

The similarities of N pairs are an N × N matrix; they are made, used and forgotten a block of rows
at a time, so that memory grows with N and not with its square.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...checks import Array

__all__ = ["LOSSES", "SIMILARITIES", "Evaluation", "contrastive_loss"]

LOSSES = ("infonce", "nt-xent")
SIMILARITIES = ("inner", "cosine")
# Similarities in one block: 1 MiB, which stays in a core's cache between its two products.
_BLOCK = 2**17


class Evaluation(NamedTuple):
    """The loss of one batch.

    Attributes
    ----------
    value : float
    gradient : array, shape (k, p)
        ∂loss/∂T.
    attraction : array, shape (k, k)
        Σ_i z_i¹ z_i²ᵀ/(Nτ): minus the derivative of the attracting term in the embeddings' second
        moment, the scale against which a gradient is small.
    """

    value: float
    gradient: Array
    attraction: Array


def contrastive_loss(
    matrix: Array,
    first: Array,
    second: Array,
    temperature: float,
    similarity: str = "inner",
    loss: str = "infonce",
) -> Evaluation:
    r"""The contrastive loss of N pairs of views behind T, and its gradient.

    With embeddings :math:`z_i = T h_i`, divided by their length for the cosine, and
    :math:`s_{ij} = \langle z_i, z_j\rangle/\tau`,

    .. math::
        \text{InfoNCE} = \frac1N \sum_i \Big[ -s_{i1,i2}
            + \log \frac1N \sum_{j} e^{s_{i1,j2}} \Big], \qquad
        \text{NT-Xent} = \frac1{2N} \sum_{a} \Big[ -s_{a,\bar a}
            + \log \frac1{2N-1} \sum_{c \ne a} e^{s_{ac}} \Big],

    where a runs over all 2N views and :math:`\bar a` is the other view of the same point. The
    logarithm of a *mean* has a limit for N → ∞; with a sum, as in the sources, the losses are
    larger by log N and log(2N - 1).

    Parameters
    ----------
    matrix : array, shape (k, p)
        T.
    first, second : array, shape (N, p)
        The two views.
    temperature : float
    similarity : {"inner", "cosine"}
    loss : {"infonce", "nt-xent"}

    Raises
    ------
    ValueError
        If an embedding has length 0, for the cosine.

    References
    ----------
    van den Oord, Li, Vinyals, arXiv:1807.03748 (2018), eq. (4); Chen, Kornblith, Norouzi, Hinton,
    arXiv:2002.05709 (2020), eq. (1).

    Examples
    --------
    >>> import numpy as np
    >>> h = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> contrastive_loss(np.eye(2), h, h, 1.0).value
    -0.379885...
    >>> float(np.log((np.e + 1) / 2) - 1)
    -0.379885...
    """
    z1, z2 = first @ matrix.T, second @ matrix.T
    lengths = None
    if similarity == "cosine":
        lengths = np.linalg.norm(z1, axis=1)[:, None], np.linalg.norm(z2, axis=1)[:, None]
        if not (lengths[0].all() and lengths[1].all()):
            raise ValueError(
                "similarity must be 'inner' for embeddings of length 0, got 'cosine' and a view "
                "that is 0"
            )
        z1, z2 = z1 / lengths[0], z2 / lengths[1]
    n = len(z1)
    if loss == "infonce":
        value, pull1, pull2 = _log_softmax(z1, z2, temperature, 0)
    else:
        both = np.concatenate([z1, z2])
        value, anchors, candidates = _log_softmax(both, both, temperature, n)
        anchors += candidates
        pull1, pull2 = anchors[:n], anchors[n:]
    if lengths is not None:
        pull1, pull2 = _tangent(pull1, z1) / lengths[0], _tangent(pull2, z2) / lengths[1]
    return Evaluation(value, pull1.T @ first + pull2.T @ second, z1.T @ z2 / (n * temperature))


def _tangent(pull: Array, unit: Array) -> Array:
    """What is left of a gradient on the sphere."""
    radial: Array = np.einsum("ij,ij->i", pull, unit)[:, None]
    tangent: Array = pull - radial * unit
    return tangent


def _log_softmax(
    anchors: Array, candidates: Array, temperature: float, shift: int
) -> tuple[float, Array, Array]:
    """Mean of -s_{i,i+shift} + log mean_j exp s_ij, with its gradients.

    The positive of anchor i is candidate i + shift, modulo their number. With a shift the anchors
    are the candidates, and none is a candidate of its own.
    """
    n = len(anchors)
    rows = max(1, _BLOCK // n)
    to_anchors = np.empty_like(anchors)
    to_candidates = np.zeros_like(candidates)
    positives = np.roll(candidates, -shift, axis=0)
    scaled = anchors / temperature
    total = 0.0
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        block = scaled[start:stop] @ candidates.T
        if shift:
            np.einsum("ii->i", block[:, start:stop])[:] = -np.inf
        peak = block.max(axis=1, keepdims=True)
        block -= peak
        np.exp(block, out=block)
        mass = block.sum(axis=1, keepdims=True)
        total += float(np.sum(peak + np.log(mass)))
        block /= mass
        to_anchors[start:stop] = block @ candidates
        to_candidates += block.T @ scaled[start:stop]
    total -= float(np.sum(scaled * positives))
    to_anchors -= positives
    to_anchors /= n * temperature
    to_candidates -= np.roll(scaled, shift, axis=0)
    to_candidates /= n
    return total / n - float(np.log(n - 1 if shift else n)), to_anchors, to_candidates
