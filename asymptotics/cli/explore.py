"""The command ``explore``: the live page, until Ctrl-C."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from ..checks import check_integer

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

    serve(page, port, not args.no_browser)
    return 0
