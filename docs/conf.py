"""Sphinx builds the documentation from this folder: `make docs`.

Nothing is fetched: MathJax comes from an installed package, the inventories of torch and numpy lie beside this file.
A build in which something is wrong (a link within the site, a name, a notebook that raises) fails: `-W`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent / "src")]

from rheobase.version import __version__  # noqa: E402

project = "rheobase"
author = "The rheobase authors"
project_copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    # of this project, in docs/extensions
    "link_targets",
    "page_lists",
    "mathjax_files",
    "outer_inventories",
    "reference_pages",
    "docstring_text",
    "declared_pages",
    "cell_outputs",
    "type_names",
]
# A build without the reference and without running notebooks takes seconds: the one that the tests make.
quick = os.environ.get("RHEOBASE_DOCS") == "quick"
write_reference = not quick
exclude_patterns = ["build", *(["reference/packages", "reference/names"] if quick else [])]

# --- pages and notebooks ----------------------------------------------------------------------------------

source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4
# A page that begins with the head of a notebook is run; ```python blocks of other pages are run by tests/docs.
nb_execution_mode = "off" if quick else "cache"
nb_execution_cache_path = os.environ.get("RHEOBASE_DOCS_CACHE", str(HERE / "build" / "executed"))
nb_execution_timeout = 600  # s a cell: they take less than 60, on a machine that has nothing else to do
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # nothing from a server that is not ours

# --- reference --------------------------------------------------------------------------------------------

autosummary_generate = False  # reference_pages writes them
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # those of torch say nothing of ours
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False
intersphinx_disabled_reftypes = ["*"]

# --- html -------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "rheobase"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "rheobase"},
    "header_links_before_dropdown": 5,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}
html_sidebars = {"index": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# --- outer links: `make docs-links`, apart, since it asks the network ---------------------------------------

linkcheck_timeout = 20
linkcheck_anchors = False


def setup(app: Any) -> None:
    app.add_lexer("nmodl", TextLexer)  # Pygments has none for it
