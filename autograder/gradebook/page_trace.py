"""The picture of a learner's own model, drawn here from what their process told about it.

Its drawing is ours: of the trace come names and sizes alone, as text. What no tracer has made is not drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from autograder.gradebook.page_html import TooSlow, at_most

if TYPE_CHECKING:
    from sumskip.seeing.graph import Graph

TRACE = "application/vnd.sumskip.trace+json"
MOST_TRACE = 50_000  # characters of JSON
MOST_SVG = 150_000
SECONDS = 2.0
PANEL = 420  # pixels: with the direction, so narrow that it can be read on a phone


class TraceRefusedError(ValueError):
    """This is no trace of a model that can be drawn; the text says why."""


def drawn(trace: object) -> tuple[str, str]:
    """The picture of a trace, of untrusted origin, as an SVG document, and its alternative text.

    Raises:
        TraceRefusedError: it is none, it is too large, or nothing ran in it.
    """
    # Not for every page: NumPy comes with them.
    from sumskip.seeing.drawing import outline, picture
    from sumskip.seeing.drawing.scene import to_svg
    from sumskip.seeing.graph import Graph

    try:
        with at_most(SECONDS):
            if not isinstance(trace, Mapping) or len(json.dumps(trace, allow_nan=False)) > MOST_TRACE:
                raise TraceRefusedError(f"expected an object of at most {MOST_TRACE} characters")
            graph = Graph.from_dict(trace)
            _check_wires(graph)
            alt_text = outline.alt_text(graph)
            svg = to_svg(picture(graph, direction="down", panel=PANEL), alt_text)
    except TraceRefusedError:
        raise
    except (Exception, TooSlow) as error:  # whatever a drawing stumbles over has no tracer made
        raise TraceRefusedError(f"{type(error).__name__}: {error}") from None
    if len(svg) > MOST_SVG:
        raise TraceRefusedError(f"expected a picture of at most {MOST_SVG} characters, got {len(svg)}")
    return svg, alt_text


def _check_wires(graph: Graph) -> None:
    """Each wire leads from a step that is there to a later one, as a forward pass goes."""
    place = {node.id: number for number, node in enumerate(graph.nodes)}
    if len(place) < len(graph.nodes):
        raise TraceRefusedError("two steps have the same id")
    if not graph.edges:
        raise TraceRefusedError("nothing ran")
    for edge in graph.edges:
        if not place.get(edge.source, len(place)) < place.get(edge.target, -1):
            raise TraceRefusedError(f"no wire leads from {edge.source!r} to {edge.target!r}"[:200])
    if graph.fault and graph.fault.node not in place:
        raise TraceRefusedError("it stops at a step that is not there")
