"""The documentation site: Markdown pages, and one written page per analysis module; nothing comes from outside."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Opsbook"
author = "the Opsbook maintainers"
project_copyright = "Apache-2.0"
extensions = ["myst_parser", "api_pages"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 4
nitpicky = True
highlight_language = "text"  # a fence without a language is a terminal
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "Opsbook"
html_show_sourcelink = False
html_copy_source = False
