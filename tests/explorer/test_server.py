"""The server: only this machine, only its own pages, and nothing left of a page that was closed."""

import asyncio
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import weakref

import numpy as np
import pytest

pytest.importorskip("bokeh")

from bokeh.document import Document
from bokeh.server.server import BaseServer
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

import asymptotics as asy
from asymptotics.__main__ import main
from asymptotics.explorer.page import Page
from asymptotics.explorer.server import make_server


class Served:
    """A server in this process, driven by coroutines."""

    def __init__(self, page, lifetime=400):
        self.page, self.lifetime = page, lifetime

    def run(self, coroutine):
        async def whole():
            server, address = make_server(self.page, 0, IOLoop.current(), lifetime=self.lifetime)
            assert isinstance(server, BaseServer)
            server.start()
            try:
                return await coroutine(server, address)
            finally:
                server.stop(wait=False)

        return asyncio.run(whole())


async def status(address, host=None):
    headers = {} if host is None else {"Host": host}
    try:
        return (await AsyncHTTPClient().fetch(address, headers=headers)).code
    except HTTPClientError as error:
        return error.code


def empty(document):
    document.title = "nothing"


def test_answers_to_its_own_name_only():
    async def ask(_, address):
        port = address.rstrip("/").rpartition(":")[2]
        assert await status(address) == 200
        assert await status(address, f"localhost:{port}") == 200
        for host in (
            "example.org",
            f"example.org:{port}",
            f"127.0.0.1.example.org:{port}",
            "localhost",
        ):
            assert await status(address, host) == 403
            assert await status(f"{address}static/js/bokeh.min.js", host) == 403

    Served(empty).run(ask)


def test_pages_of_others_get_no_connection():
    async def ask(_, address):
        text = (await AsyncHTTPClient().fetch(address)).body.decode()
        token = re.search(r'"token":"([^"]+)"', text)[1]
        target = address.replace("http", "ws") + "ws"

        async def connect(origin):
            request = HTTPRequest(target, headers={"Origin": origin})
            return await websocket_connect(request, subprotocols=["bokeh", token])

        with pytest.raises(HTTPClientError, match="403"):
            await connect("http://example.org")
        (await connect(address.rstrip("/"))).close()

    Served(empty).run(ask)


def test_fifty_closed_pages_leave_nothing():
    kept = []

    def page(document: Document) -> None:
        kept.append(weakref.ref(Page(document)))

    async def visit(server, address):
        client = AsyncHTTPClient()
        for _ in range(50):
            await client.fetch(address)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if not server.get_sessions("/"):
                return
        raise AssertionError(f"{len(server.get_sessions('/'))} sessions are left")

    Served(page).run(visit)
    gc.collect()
    assert len(kept) == 50
    assert sum(ref() is not None for ref in kept) == 0


def test_the_address_gives_the_state_and_refusals():
    pages = []

    async def visit(_, address):
        await AsyncHTTPClient().fetch(f"{address}?view=ratio&gain=3.5&signal=1e9&penalty=nan")

    Served(lambda document: pages.append(Page(document))).run(visit)
    (page,) = pages
    assert page.state.view == "ratio"
    assert page.state["gain"] == 3.5
    assert "[0.05, 10]" in page._message.text
    assert "[1e-06, 1000]" in page._message.text


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "asymptotics", "explore", "--no-browser", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_free_port_and_a_clean_end(name):
    child = start("--port", "0")
    address = child.stdout.readline().split()[0]
    port = int(address.rstrip("/").rpartition(":")[2])
    assert address.startswith("http://127.0.0.1:")
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        pass
    child.send_signal(getattr(signal, name))
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors
    assert errors.splitlines()[-1] == "stopped"
    assert "Traceback" not in errors


def test_a_port_that_is_taken(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["explore", "--no-browser", "--port", str(port)]) == 1
    assert f"port {port}" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "1e3"])
def test_a_port_out_of_range(port, capsys):
    assert main(["explore", "--no-browser", "--port", port]) == 2
    assert "port" in capsys.readouterr().err


def test_without_bokeh_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    assert main(["explore", "--no-browser"]) == 2
    assert "pip install 'asymptotics[explore]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("x.npy", "y.csv"), None),
        (("x.npz:features", "y.csv"), None),
        (("x.csv", "y.npy"), None),
        (("x.txt", "y.npy"), "features must end in one of .npy"),
        (("none.npy", "y.npy"), "features must be a file, got"),
        (("x.npy", "three.npy"), "labels must hold exactly two classes, got 3"),
    ],
)
def test_the_files_that_other_commands_take(names, words, monkeypatch, tmp_path, capsys):
    from asymptotics.explorer import server

    monkeypatch.chdir(tmp_path)
    features, labels = asy.SpikedMixture(1.5).sample(60, 40, rng=0)
    np.save("x.npy", features)
    np.savez("x.npz", features=features, other=labels)
    np.savetxt("x.csv", features, delimiter=",")
    np.save("y.npy", labels)
    np.savetxt("y.csv", labels)
    np.save("three.npy", np.arange(60) % 3)
    served = []
    monkeypatch.setattr(server, "serve", lambda page, *rest: served.append(page))
    code = main(["explore", "--no-browser", "--features", names[0], "--labels", names[1]])
    if words is None:
        measured = served[0].keywords["measured"]
        assert code == 0
        expected = asy.Spectrum.from_data(features, labels)
        np.testing.assert_allclose(measured.spectrum.energies, expected.energies, rtol=1e-9)
    else:
        assert code == 2 and words in capsys.readouterr().err and not served
