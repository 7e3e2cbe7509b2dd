"""Sphinx's configuration, of both languages. Nothing is loaded from anywhere: no fonts, no scripts of other hosts."""

import os

from pygments.lexers.python import PythonLexer
from pygments.lexers.special import TextLexer
from pygments.token import Error, Text

from modelarts_nb import __version__

language = {"en": "en", "zh-CN": "zh_CN"}[os.environ["DOCS_LANGUAGE"]]
project = "modelarts_nb"
release = version = __version__
author = "modelarts_nb"
html_show_copyright = False

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # rules' and decisions' pages begin as their folder wants
nitpicky = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"
pygments_style, pygments_dark_style = "friendly", "github-dark"

html_theme = "furo"
html_title = "modelarts_nb"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_sidebars = {"**": [
    "sidebar/brand.html", "language.html", "sidebar/search.html", "sidebar/scroll-start.html", "sidebar/navigation.html",
    "sidebar/scroll-end.html",
]}
CALM = {"color-brand-primary": "#0b57a4", "color-brand-content": "#0b57a4"}
html_theme_options = {
    "light_css_variables": CALM,
    "dark_css_variables": {"color-brand-primary": "#79b8ff", "color-brand-content": "#79b8ff"},
    "top_of_page_buttons": [],
}


class Magics(PythonLexer):
    """Cells: Python, and lines that are not."""

    name, aliases = "ipython", ["ipython"]

    def get_tokens_unprocessed(self, *words):
        """Python's tokens; what is none is text."""
        for place, token, value in super().get_tokens_unprocessed(*words):
            yield place, Text if token is Error else token, value


def setup(app):
    """Cells and terminals in the colours of the others."""
    app.add_lexer("console", TextLexer)
    app.add_lexer("ipython", Magics)
