"""The page in a real browser: what a person does, and what the numbers are then.

Needs playwright and a Chromium of the system's; where there is none the tests are skipped, unless
ASYMPTOTICS_BROWSER=required says that there has to be one.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import asymptotics as asy

REQUIRED = os.environ.get("ASYMPTOTICS_BROWSER") == "required"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

if not REQUIRED:
    pytest.importorskip("bokeh", reason="bokeh is not installed")
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system", allow_module_level=True)

from playwright.sync_api import sync_playwright  # noqa: E402

from asymptotics.explorer.controls import CONTROLS  # noqa: E402
from asymptotics.explorer.state import State  # noqa: E402

# What the models of the page hold; the page itself asks for nothing but them.
MODEL = "name => Bokeh.documents[0].get_model_by_name(name)"
LINE = """name => {
  const {x, y} = Bokeh.documents[0].get_model_by_name(name).data_source.data
  return [Array.from(x), Array.from(y)]
}"""

# In the order of the page.
CONTROL_KEYS = [key for key, control in CONTROLS.items() if State().shows(control)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    features, labels = asy.SpikedMixture(1.5).sample(150, 100, rng=0)
    paths = folder / "features.npy", folder / "labels.npy"
    np.save(paths[0], features)
    np.save(paths[1], labels)
    return paths


@pytest.fixture(scope="module")
def address(files):
    data = ["--features", str(files[0]), "--labels", str(files[1])]
    child = subprocess.Popen(
        [sys.executable, "-m", "asymptotics", "explore", "--no-browser", "--port", "0", *data],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield child.stdout.readline().split()[0]
    child.terminate()
    child.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Visit:
    """A page, and everything that went wrong on it."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.wrong, self.asked = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)
        self.page.wait_for_function(
            "window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle", timeout=60_000
        )

    def _heard(self, message):
        if message.type == "error":
            self.wrong.append(message.text)

    def line(self, name):
        x, y = self.page.evaluate(LINE, name)
        return np.array(x, float), np.array([np.nan if v is None else v for v in y], float)

    def text(self, name):
        return self.page.evaluate(f"name => ({MODEL})(name).text", name)

    def wait(self, script, argument=None, timeout=60_000):
        self.page.wait_for_function(script, arg=argument, timeout=timeout)

    def type(self, key, text):
        entry = self.page.get_by_role("textbox").nth(list(CONTROL_KEYS).index(key))
        entry.fill(text)
        entry.press("Enter")

    def close(self):
        self.context.close()
        assert self.wrong == []


@pytest.fixture
def visit(browser, address):
    opened = []

    def go(query="", **options):
        opened.append(Visit(browser, address + query, **options))
        return opened[-1]

    yield go
    for each in opened:
        each.close()


def expected(state, name):
    x = np.geomspace(0.01, 100.0, 200)
    clf = state.classifier(name)
    lim = asy.limit(state.mixture, clf, state["aspect_ratio"], asy.Expansion(x), throw=False)
    return x, lim.accuracy


def test_a_slider_moves_the_curves(visit):
    seen = visit()
    x, y = seen.line("logistic")
    np.testing.assert_allclose([x, y], expected(State(), "logistic"), rtol=1e-12)
    # by the keyboard alone
    handle = seen.page.locator(".noUi-handle").nth(CONTROL_KEYS.index("signal"))
    handle.focus()
    for _ in range(10):
        seen.page.keyboard.press("ArrowRight")
    seen.wait(  # the address comes after the curves
        f"""() => {{
        const asked = 10 ** ({MODEL})("slide-signal").value
        const signal = new URLSearchParams(location.search).get("signal")
        return signal && asked > 1.5 && Math.abs(signal / asked - 1) < 1e-3
        }}"""
    )
    value = float(seen.page.evaluate("new URLSearchParams(location.search).get('signal')"))
    assert value > 1.5
    moved = State().replace(signal=value)
    for name in ("logistic", "svm", "ridge", "max-margin"):
        np.testing.assert_allclose(seen.line(name), expected(moved, name), rtol=1e-12)
    text = seen.page.evaluate(f"name => ({MODEL})(name).value", "type-signal")
    assert float(text) == value  # the value itself, not its logarithm


def test_typed_numbers_and_typed_nonsense(visit):
    seen = visit()
    seen.type("penalty", "0.03")
    seen.wait("() => location.search === '?penalty=0.03'")
    before = seen.line("ridge")
    np.testing.assert_allclose(before, expected(State().replace(penalty=0.03), "ridge"), rtol=1e-12)
    for nonsense in ("1e9", "nan", "alert(1)", "<img src=x onerror=alert(1)>"):
        seen.type("penalty", nonsense)
        seen.wait(f"() => ({MODEL})('message').text.includes('[1e-06, 1000]')")
        assert seen.page.url.endswith("?penalty=0.03")
        seen.type("penalty", "0.03")
        seen.type("signal", "1.6")
        seen.type("signal", "1.5")
        seen.wait(f"() => ({MODEL})('message').text === ''")
    np.testing.assert_array_equal(seen.line("ridge"), before)


def test_the_address_holds_the_state(visit):
    seen = visit("?view=ratio&gain=3.0&strength=2.0&classifiers=ridge,min-norm")
    first = seen.line("min-norm")
    assert "separable" in seen.text("report")
    seen.page.reload()
    seen.wait("() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle")
    np.testing.assert_array_equal(seen.line("min-norm"), first)
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.5)])
    lim = asy.limit(mix, asy.MinNorm(), first[0], asy.Expansion(3.0), throw=False)
    np.testing.assert_allclose(first[1], lim.accuracy, rtol=1e-12)


def test_simulation_adds_points_and_a_change_cancels_it(visit):
    seen = visit("?classifiers=ridge")
    seen.page.get_by_role("button", name="Simulate").click()
    seen.wait(
        f"() => ({MODEL})('progress').text.includes('9 of 9') "
        f"|| ({MODEL})('progress').text.startsWith('simulated')",
        timeout=120_000,
    )
    points = seen.page.evaluate(
        """() => {
        for (const r of Bokeh.documents[0].get_model_by_name("curves").renderers) {
          const data = r.data_source?.data
          if (data?.low?.length) {
            return ["x", "y", "low"].map((name) => Array.from(data[name]))
          }
        }
        return null
        }"""
    )
    x, y, low = np.array(points)
    lim = asy.limit(asy.SpikedMixture(1.5), asy.Ridge(0.1), 0.5, asy.Expansion(x))
    assert np.all(np.abs(y - lim.accuracy) < 2 * (y - low) + 0.01)
    # many curves, so that the work is still under way when the change comes
    seen = visit("?classifiers=svm,squared-hinge,logistic,max-margin,ridge")
    seen.page.get_by_role("button", name="Simulate").click()
    seen.type("signal", "2")
    seen.wait(f"() => ({MODEL})('progress').text === 'simulation cancelled'")


def test_the_phase_diagram_and_a_click_on_it(visit):
    seen = visit("?view=phase&classifiers=ridge&time=2.0")
    assert "gain" in seen.text("report")
    before = seen.page.url
    box = seen.page.locator(".bk-Figure").nth(1).bounding_box()
    seen.page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    seen.wait("url => location.href !== url", before)
    state = dict(part.split("=") for part in seen.page.url.partition("?")[2].split("&"))
    loss = asy.InfoNCE(float(state["augmentation"]), float(state["temperature"]), time=2.0)
    report = asy.before_and_after(asy.SpikedMixture(1.5), asy.Ridge(0.1), 0.5, loss)
    seen.wait(f"part => ({MODEL})('report').text.includes(part)", f"gain {report.gain:.4f}")
    assert f"difference {report.difference:+.4f}" in seen.text("report")


def test_the_cosine_collapses(visit):
    seen = visit("?view=phase&classifiers=ridge&similarity=cosine&signal=5.0&dimension=50.0")
    seen.wait(f"() => ({MODEL})('report').text.includes('gain')")
    assert "collapse" not in seen.text("report")
    seen = visit("?view=phase&classifiers=ridge&similarity=cosine&signal=5.0&temperature=4.0")
    assert "infinite gain, collapse" in seen.text("report")


def test_the_learning_curve_of_given_files(visit, files):
    seen = visit("?view=learning&classifiers=ridge&penalty=0.3")
    spectrum = asy.Spectrum.from_data(*map(np.load, files))
    x, y = seen.line("ridge")
    curve = asy.learning_curve(spectrum, asy.Ridge(0.3), x)
    np.testing.assert_allclose(y, curve.accuracy, rtol=1e-12)
    assert "150 samples of 100 features" in seen.text("report")


def test_copied_code_gives_the_view_to_the_digit(visit):
    seen = visit(
        "?penalty=0.02&classifiers=ridge,svm", permissions=["clipboard-read", "clipboard-write"]
    )
    seen.page.get_by_role("button", name="Copy Python").click()
    seen.wait("() => navigator.clipboard.readText().then((text) => text.includes('accuracy'))")
    names = {}
    exec(seen.page.evaluate("navigator.clipboard.readText()"), names)
    for name in ("ridge", "svm"):
        np.testing.assert_array_equal(names["accuracy"][name], seen.line(name)[1])


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_saved_figures(visit, form, start, tmp_path):
    seen = visit("?classifiers=ridge")
    with seen.page.expect_download(timeout=60_000) as download:
        seen.page.get_by_role("button", name=f"Save {form.upper()}").click()
    path = tmp_path / f"figure.{form}"
    download.value.save_as(path)
    assert path.read_bytes().startswith(start)
    assert download.value.suggested_filename == f"asymptotics-gain.{form}"


@pytest.mark.parametrize("view", ["gain", "ratio", "phase", "learning"])
def test_a_phone_has_nothing_to_scroll_sideways(visit, view):
    seen = visit(f"?view={view}", viewport={"width": 390, "height": 844})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Copy Python", "Save PNG"):
        box = seen.page.get_by_role("button", name=name).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_dark_where_the_system_is_dark(visit):
    seen = visit(color_scheme="dark")
    seen.wait("() => document.documentElement.dataset.scheme === 'dark'")
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(json.loads(paper.replace("rgb(", "[").replace(")", "]"))) < 60
    seen.wait(f"() => ({MODEL})('curves').background_fill_color === '#16181b'")


def test_nothing_comes_from_elsewhere(visit, address):
    seen = visit()
    assert seen.asked
    local = (address, address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in seen.asked if not url.startswith(local)] == []
