"""The command ``explore``: the live page, until Ctrl-C."""

from __future__ import annotations

import argparse
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..checks import check_integer
from ..estimation.sample import check_features, check_two_classes
from ..populations.spectrum import Spectrum
from .tables import read_labels, read_matrix

if TYPE_CHECKING:
    from ..explorer.learning import Measured

__all__ = ["explore"]

_LAST_PORT = 65535


def explore(args: argparse.Namespace) -> int:
    """Serve the page to this machine."""
    port = check_integer("port", args.port, 0)
    if port > _LAST_PORT:
        raise ValueError(f"port must be in [0, {_LAST_PORT}], got {port}")
    if find_spec("bokeh") is None:
        raise ValueError(
            "explore needs bokeh, which is not installed: pip install 'asymptotics[explore]'"
        )
    from ..explorer.page import page
    from ..explorer.server import serve

    serve(partial(page, measured=_measured(args)), port, not args.no_browser)
    return 0


def _measured(args: argparse.Namespace) -> Measured | None:
    """The spectrum of the files that were given."""
    if (args.features is None) != (args.labels is None):
        missing = "features" if args.features is None else "labels"
        raise ValueError(f"--features and --labels belong together: --{missing} is missing")
    if args.features is None:
        return None
    from ..explorer.learning import Measured

    features, labels = read_matrix("features", args.features), read_labels(args.labels)
    upper = check_two_classes(labels, len(check_features(features)))
    spectrum = Spectrum.from_data(features, upper)
    return Measured(args.features, args.labels, spectrum, *np.shape(features))
