"""Sphinx configuration: builds offline, with warnings as errors."""

from importlib.metadata import version as installed_version
from pathlib import Path

project = "asymptotics"
author = "The asymptotics developers"
project_copyright = "2026, The asymptotics developers"
release = version = installed_version("asymptotics")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
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
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "doc_module": ("asymptotics",),
    "backreferences_dir": "generated/backreferences",
}

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = f"asymptotics {release}"
# Only the reference and the gallery have pages below them to list.
html_sidebars = {
    page.stem: []
    for page in Path(__file__).parent.glob("*.rst")
    if page.stem not in ("api", "sg_execution_times")
}
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
