"""The generator's settings. ``python -m docs.site.build`` names the folder of the pages, so nothing here does."""

from __future__ import annotations

import re
from pathlib import Path

_SITE = Path(__file__).resolve().parent
_VERSION = re.search(r'__version__ = "([^"]+)"', (_SITE.parents[1] / "src/rootkeeper/__init__.py").read_text())
assert _VERSION is not None

project = "Rootkeeper"
version = release = _VERSION[1]
language = "en"
nitpicky = True

extensions = ["myst_parser"]
smartquotes_action = "qe"  # without dashes: two hyphens are the beginning of an option
myst_heading_anchors = 6
# A block of several JSON documents, or of an answer with "…" in it, isn't JSON for the highlighter.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"Rootkeeper {version}"
html_favicon = html_logo = str(_SITE.parents[1] / "console/public/icon.svg")
html_static_path = [str(_SITE / "static")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_search_scorer = str(_SITE / "scorer.js")
templates_path = [str(_SITE / "templates")]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/console.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
html_domain_indices = False
html_theme_options: dict[str, object] = {"top_of_page_buttons": []}
