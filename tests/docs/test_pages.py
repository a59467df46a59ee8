"""The built docs in a real browser, without a network: formulas, pictures, and room on a phone.

ASYMPTOTICS_HTML names the folder that sphinx-build has written. Without it, or without playwright
and a Chromium of the system's, the tests are skipped, unless ASYMPTOTICS_BROWSER=required.
"""

import os
import shutil
from pathlib import Path

import pytest

REQUIRED = os.environ.get("ASYMPTOTICS_BROWSER") == "required"
HTML = os.environ.get("ASYMPTOTICS_HTML")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

if HTML is None:
    if REQUIRED:
        raise RuntimeError("ASYMPTOTICS_HTML must name the folder of the built docs")
    pytest.skip("no built docs: ASYMPTOTICS_HTML names their folder", allow_module_level=True)
if not REQUIRED:
    pytest.importorskip("playwright", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system", allow_module_level=True)

from playwright.sync_api import sync_playwright  # noqa: E402

ROOT = Path(HTML).resolve()
# Not read by anybody: the index of modules, and the source of highlighted code.
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in ROOT.rglob("*.html")
    if page.name not in ("genindex.html", "search.html") and "_static" not in page.parts
)
WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
TYPESET = "() => window.MathJax?.startup?.promise.then(() => true)"
# TeX that a reader would see: formulas are drawn, and code is not a formula.
RAW = """() => {
  const shown = document.body.cloneNode(true)
  shown.querySelectorAll("pre, code, script, mjx-container").forEach(node => node.remove())
  return ["\\\\(", "\\\\[", "\\\\frac", "\\\\begin"].filter(tex => shown.textContent.includes(tex))
}"""
DRAWN = """() => {
  const formulas = [...document.querySelectorAll(".math")]
  return formulas.filter(f => !f.querySelector("mjx-container svg")
                              || f.querySelector("[data-mml-node=merror]")).map(f => f.textContent)
}"""
BROKEN = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
WIDTH = "() => document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """A tab that reads files, and remembers all that it was refused."""

    def __init__(self, browser, without=()):
        self.refused, self.errors = [], []
        context = browser.new_context(viewport=WIDE)
        context.route("**/*", lambda route: self._decide(route, without))
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.refused.append(request.url))

    def _decide(self, route, without):
        url = route.request.url
        local = url.startswith(("file:", "data:")) and not any(part in url for part in without)
        route.continue_() if local else route.abort()

    def open(self, name):
        self.refused.clear()
        self.errors.clear()
        self.page.set_viewport_size(WIDE)
        self.page.goto((ROOT / name).as_uri())
        self.page.evaluate(TYPESET)
        return self.page


@pytest.fixture(scope="module")
def reader(chromium):
    return Reader(chromium)


@pytest.mark.parametrize("name", PAGES)
def test_page_offline(reader, name):
    page = reader.open(name)
    assert reader.refused == []
    assert reader.errors == []
    assert page.evaluate(RAW) == []
    assert page.evaluate(DRAWN) == []
    assert page.evaluate(BROKEN) == []
    for viewport in (WIDE, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate(WIDTH) <= viewport["width"]


def test_page_without_mathjax_shows_raw_formulas(chromium):
    """What the test above looks for is there to be found."""
    reader = Reader(chromium, without=["tex-svg.js"])
    page = reader.open("theory.html")
    assert len(reader.refused) == 1
    assert "\\(" in page.evaluate(RAW)
    assert len(page.evaluate(DRAWN)) > 100


def test_navigation_is_one_row_of_five(reader):
    page = reader.open("tutorial.html")
    items = page.locator(".navbar-header-items .bd-navbar-elements > .nav-item:visible")
    assert items.all_inner_texts() == ["Get started", "How-to", "Theory", "Gallery", "API"]
    tops = {round(items.nth(k).bounding_box()["y"]) for k in range(items.count())}
    assert len(tops) == 1


def test_front_page_has_four_pictures_with_their_line(reader):
    page = reader.open("index.html")
    cards = page.locator(".sd-card")
    assert cards.count() == 4
    for k in range(4):
        assert cards.nth(k).locator("img").get_attribute("alt")
        assert "asy." in cards.nth(k).locator("pre").inner_text()


def test_examples_begin_with_what_they_show(reader):
    page = reader.open("auto_examples/plot_headline.html")
    assert page.locator(".sphx-glr-download-link-note").count() == 0
    assert page.locator(".sphx-glr-download-python-sidebar").is_visible()
