"""How Sphinx builds the reading site. `make book` calls it; tools/book.py prepares the pages."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Sum & Skip"
release = PROJECT["version"]
language = "en"
smartquotes = False  # texts stand as they were written
extensions = ["myst_nb"]
nitpicky = True
myst_heading_anchors = 3
nb_execution_mode = "off"  # tools/book.py has run the lessons
nb_mime_priority_overrides = [("html", "text/html", 0)]  # pictures with their alternative text
nb_merge_streams = True

html_theme = "furo"
html_title = project
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_show_sphinx = False
