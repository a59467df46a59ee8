"""Sphinx configuration: builds offline, with warnings as errors, and shows its formulas offline."""

import sys
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes

here = Path(__file__).parent
sys.path.insert(0, str(here))

import front_page  # noqa: E402

project = "asymptotics"
author = "The asymptotics developers"
project_copyright = "2026, The asymptotics developers"
release = version = installed_version("asymptotics")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
default_role = "literal"
nitpicky = False

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the types stand in the numpydoc sections
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "front_page.reading_order",
    "thumbnail_size": (640, 400),
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "doc_module": ("asymptotics",),
    "backreferences_dir": "generated/backreferences",
}

# One file of MathJax, with its fonts in it, from a package: nothing is loaded from elsewhere. The
# package's own extension would copy all of MathJax, forty times as much.
_mathjax = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax/tex-svg.js"
mathjax_path = _mathjax.name
mathjax3_config = {"svg": {"fontCache": "global"}, "options": {"enableMenu": False}}

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static", str(_mathjax)]
html_css_files = ["pages.css"]
html_context = {"default_mode": "auto"}
html_title = f"asymptotics {release}"
html_sidebars = {"index": []}
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": {"auto_examples/plot_*": ["page-toc", "sg_download_links"]},
}


def without_download_note(app, doctree):
    """An example begins with what it shows; its downloads are beside it and at its end."""
    for note in list(doctree.findall(nodes.note)):
        if "sphx-glr-download-link-note" in note["classes"]:
            note.parent.remove(note)


def setup(app):
    front_page.draw(here / "generated" / "front_page")
    app.connect("doctree-read", without_download_note)
