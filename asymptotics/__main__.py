"""The commands of ``asymptotics``, also by ``python -m asymptotics``.

Exit codes: 0, done; 1, a fixed point was not found, a point of a sweep could not be simulated, or a
file not written; 2, bad input, which includes a limit that does not exist; 130, interrupted, with
what is done reported; 141, nobody reads the output. Whatever fails says so in one line on the
standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import asymptotics as asy

from .cli.options import BAD_INPUT, PROG, one_line, parse
from .cli.streams import usable_streams

__all__ = ["main"]

_FAILED, _INTERRUPTED, _BROKEN_PIPE = 1, 130, 141
# The module of each command, loaded when it is asked for: the help has to be quick.
_MODULES = {
    "limit": "calculate",
    "simulate": "calculate",
    "threshold": "calculate",
    "figure": "figure",
    "sweep": "sweep",
    "convergence": "convergence",
    "explore": "explore",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.
    """
    with usable_streams() as streams:
        name = PROG
        try:
            args = parse(sys.argv[1:] if argv is None else argv)
            name = f"{PROG} {args.command}"
            module = import_module(f"asymptotics.cli.{_MODULES[args.command]}")
            code: int = getattr(module, args.command)(args)
            sys.stdout.flush()
        except SystemExit as stop:  # from argparse, which has said why
            code = stop.code if isinstance(stop.code, int) else BAD_INPUT
        except KeyboardInterrupt:
            code = _INTERRUPTED
        except BrokenPipeError:
            code = _BROKEN_PIPE
        except (asy.ConvergenceError, OSError, MemoryError) as error:
            streams.say(f"{name}: error: {one_line(error) or 'out of memory'}")
            code = _FAILED
        except (ValueError, TypeError, OverflowError) as error:
            streams.say(f"{name}: error: {one_line(error)}")
            code = BAD_INPUT
        if streams.closed_by_reader() and code == 0:
            code = _BROKEN_PIPE
    return code


if __name__ == "__main__":
    sys.exit(main())
