"""What instructors have: exercises, grading, the report, the way to and from an LMS."""

import sys

# jsonschema, which nbformat imports, would compile 38 grammars, a second of every start, for formats that no
# notebook's schema has; without this package it leaves them out.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
