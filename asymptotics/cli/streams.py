"""The standard streams as they come: of any encoding, closed, or not there at all.

What an encoding lacks is spelled out in tables, so that none is lost to a λ, and escaped elsewhere,
as in the names of files. A stream that is missing, as under ``pythonw`` or after ``>&-``, takes
everything and keeps nothing.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

__all__ = ["Streams", "encodable", "usable_streams"]

_SPELLED = {
    "α": "alpha",
    "γ": "gamma",
    "θ": "theta",
    "λ": "lambda",
    "μ": "mu",
    "π": "pi",
    "σ": "sigma",
    "Σ": "Sigma",
    "τ": "tau",
    "→": "->",
    "±": "+-",
    "–": "-",
    "≥": ">=",
    "≤": "<=",
    "²": "^2",
    "·": "*",
    "√": "sqrt",
    "−": "-",
}
_SPELL = "asymptotics.spell"


def _spell(error: UnicodeError) -> tuple[str, int]:
    """An error handler: names for the characters of formulas, escapes for others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    escaped = (char.encode("ascii", "backslashreplace").decode("ascii") for char in text)
    return "".join(map(lambda c, e: _SPELLED.get(c, e), text, escaped)), error.end


codecs.register_error(_SPELL, _spell)


def encodable(text: str, stream: Any) -> str:
    """The text in what a stream can encode: to be known before columns are aligned."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if text.isascii():
        return text
    return text.encode(encoding, _SPELL).decode(encoding)


class Streams:
    """The two output streams, while a command runs."""

    def __init__(self) -> None:
        self._broken = False

    def say(self, line: str) -> None:
        """A line on the standard error, if anybody listens."""
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)

    def closed_by_reader(self) -> bool:
        """Write what is left; whether the reader of the output has gone.

        What is still in the buffer then goes nowhere, in silence: at its end Python would try it
        again, and complain.
        """
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError) as error:
                self._broken |= isinstance(error, BrokenPipeError) and stream is sys.stdout
                with suppress(OSError, ValueError):
                    descriptor = stream.fileno()
                    nowhere = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(nowhere, descriptor)
                    os.close(nowhere)
        return self._broken


@contextmanager
def usable_streams() -> Iterator[Streams]:
    """Standard streams that exist and encode everything; as they were, afterwards."""
    before = sys.stdout, sys.stderr
    handlers: list[tuple[io.TextIOWrapper, str]] = []
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = (_or_nowhere(stream, nowhere) for stream in before)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream is not nowhere:
                handlers.append((stream, stream.errors or "strict"))
                with suppress(OSError, ValueError):  # of what is in the buffer already
                    stream.reconfigure(errors="backslashreplace")
        try:
            yield Streams()
        finally:
            sys.stdout, sys.stderr = before
            for stream, errors in handlers:
                with suppress(OSError, ValueError):
                    stream.reconfigure(errors=errors)


def _or_nowhere(stream: TextIO | None, nowhere: TextIO) -> TextIO:
    """A stream that can be written to."""
    return nowhere if stream is None or stream.closed else stream
