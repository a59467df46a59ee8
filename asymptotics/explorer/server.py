"""The server: on this machine only, for pages that it has made itself only."""

from __future__ import annotations

import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import ErrorHandler

__all__ = ["ADDRESS", "make_server", "serve"]

ADDRESS = "127.0.0.1"
# A page that was closed is forgotten after this time, looked for this often, in milliseconds.
_LIFETIME, _LOOK = 5000, 1000
# Nothing that a page sends is longer.
_LARGEST_MESSAGE = 2**20


class _OwnHost(BokehTornado):  # type: ignore[misc]
    """Answers only who asks for it by its own name: a stranger's page cannot pose as this host."""

    hosts: frozenset[str] = frozenset()

    def find_handler(self, request: Any, **kwargs: Any) -> Any:
        if request.host not in self.hosts:
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
        return super().find_handler(request, **kwargs)


def make_server(
    page: Callable[[Document], None],
    port: int,
    io_loop: IOLoop | None = None,
    *,
    lifetime: int = _LIFETIME,
) -> tuple[BaseServer, str]:
    """A server that has not started, and its address.

    Parameters
    ----------
    page : callable
        Fills the document of a new session.
    port : int
        0 for any that is free.
    io_loop : IOLoop, optional
        The current one by default.
    lifetime : int, default 5000
        Milliseconds after which a closed page is forgotten.

    Raises
    ------
    OSError
        If the port cannot be had.
    """
    io_loop = io_loop or IOLoop.current()
    try:
        listener = socket.create_server((ADDRESS, port))
    except OSError as error:
        raise OSError(f"port {port} cannot be served: {error.strerror or error}") from None
    listener.setblocking(False)
    port = listener.getsockname()[1]
    hosts = frozenset(f"{name}:{port}" for name in (ADDRESS, "localhost"))
    tornado = _OwnHost(
        {"/": Application(FunctionHandler(page))},
        extra_websocket_origins=sorted(hosts),
        unused_session_lifetime_milliseconds=lifetime,
        check_unused_sessions_milliseconds=min(_LOOK, lifetime),
        websocket_max_message_size_bytes=_LARGEST_MESSAGE,
    )
    tornado.hosts = hosts
    http = HTTPServer(tornado, max_body_size=_LARGEST_MESSAGE)
    tornado.initialize(io_loop)
    http.add_socket(listener)
    return BaseServer(io_loop, tornado, http), f"http://{ADDRESS}:{port}/"


def serve(page: Callable[[Document], None], port: int, browser: bool) -> None:
    """Serve until Ctrl-C or a request to terminate."""
    io_loop = IOLoop.current()
    server, address = make_server(page, port, io_loop)

    def stop(*_: Any) -> None:
        io_loop.add_callback_from_signal(io_loop.stop)

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    server.start()
    print(f"{address}  (Ctrl-C stops)", flush=True)
    if browser:
        with suppress(webbrowser.Error):
            webbrowser.open(address)
    io_loop.start()
    server.stop(wait=False)
    print("stopped", file=sys.stderr)
