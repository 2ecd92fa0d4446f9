"""A whole class: what was handed in, judged, recorded, and its pages written."""
