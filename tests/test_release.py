"""One version, wherever it is written; and a citation that a reader of CFF files accepts."""

import re
from pathlib import Path

import pytest

import asymptotics as asy

ROOT = Path(__file__).parents[1]
# What the schema of version 1.2.0 asks for.
REQUIRED_KEYS = {"cff-version", "message", "title", "authors"}


def test_citation():
    lines = (ROOT / "docs" / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    top = [line.partition(":") for line in lines if re.match(r"[a-z-]+:", line)]
    entries = {key: value.strip() for key, _, value in top}
    assert len(entries) == len(top)
    assert entries.keys() >= REQUIRED_KEYS
    assert entries["version"] == asy.__version__


@pytest.mark.parametrize("page", ["README.md", "docs/faq.rst"])
def test_bibtex(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.search(r"version = \{(.*)\}", text)[1] == asy.__version__
