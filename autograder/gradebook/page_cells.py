"""What of a notebook's cells may stand in a page: texts, our reports, pictures, and not too much of them.

A graded notebook holds nothing else. One that somebody opened and ran again in JupyterLab may hold
whatever a learner's code displays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode, from_dict

from autograder.gradebook.page_html import ATTACHED, is_bounded, pixels
from autograder.gradebook.page_text import MOST_OUTPUT, Room, capped
from autograder.gradebook.page_trace import TRACE, TraceRefusedError, drawn

MOST_CELLS = 1_000  # besides nbgrader's own
MOST_SOURCE = 200_000  # characters of all cells
MOST_PICTURES = 4_000_000  # characters of all pictures


def clean_cells(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells as they are shown; nbgrader's are served first where there is not room for everything."""
    rules = [_rules(cell.get("metadata")) for cell in cells]
    others = [place for place, mine in enumerate(rules) if not mine]
    dropped = others[MOST_CELLS:]
    cleaner, shown = _Cleaner(), {}
    for place in [place for place, mine in enumerate(rules) if mine] + others[:MOST_CELLS]:
        shown[place] = cleaner.clean(cells[place], rules[place], f"cell-{place}")
    if dropped:
        note = f"… {len(dropped)} more cells are not shown."
        shown[len(cells)] = _cell("markdown", note, {}, f"cell-{len(cells)}")
    return [shown[place] for place in sorted(shown)]


def _cell(kind: str, source: str, rules: dict[str, Any], name: str, **more: Any) -> NotebookNode:
    metadata = {"nbgrader": rules} if rules else {}
    return from_dict({"cell_type": kind, "id": name, "metadata": metadata, "source": source, **more})


def _rules(metadata: object) -> dict[str, Any]:
    """What nbgrader's templates read of a cell's metadata; they write the `grade_id` unquoted."""
    given = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    given = given if isinstance(given, dict) else {}
    name = given.get("grade_id")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        return {}
    flags = {flag: given.get(flag) is True for flag in ("grade", "solution", "task", "locked")}
    points = {key: given[key] for key in ("points", "score") if isinstance(given.get(key), int | float)}
    return {"grade_id": name, **flags, **points}


def _verdict(metadata: Any) -> NotebookNode:
    """What a page says of a verdict, where its cell has one."""
    said = metadata.get("sumskip")
    said = said if isinstance(said, dict) else {}
    return from_dict({name: capped(_text(said.get(name)), 1_000) for name in ("status", "title", "message")})


class _Cleaner:
    """Cleans cell by cell; what one takes, the next has not."""

    def __init__(self) -> None:
        self.sources, self.outputs = Room(MOST_SOURCE), Room(MOST_OUTPUT)
        self.pictures = Room(MOST_PICTURES)

    def clean(self, cell: NotebookNode, rules: dict[str, Any], name: str) -> NotebookNode:
        kind, source = cell.get("cell_type"), self.sources.take(_text(cell.get("source")))
        if kind == "code":
            check = bool(rules) and rules["grade"] and not rules["solution"]
            outputs = list(self._outputs(_list(cell.get("outputs")), check))
            kept = _cell("code", source, rules, name, outputs=outputs, execution_count=None)
            if check:
                kept["metadata"]["sumskip"] = _verdict(cell["metadata"])
            return kept
        if kind != "markdown":  # a raw cell would go into the page as it is
            source = "\n".join(f"    {line}" for line in source.split("\n"))
        attached = cell.get("attachments")
        shown = dict(self._attached(attached if isinstance(attached, dict) else {}))
        return _cell("markdown", source, rules, name, **({"attachments": shown} if shown else {}))

    def _attached(self, attached: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
        """The pictures of an answer in words, by the names intake gives them, as far as there is room."""
        for name, data in attached.items():
            if isinstance(data, dict) and ATTACHED.fullmatch(f"attachment:{name}"):
                for kind in ("png", "jpeg"):
                    if picture := self._picture(data, kind):
                        yield name, {f"image/{kind}": picture}

    def _picture(self, data: dict[str, Any], kind: str) -> str:
        """A picture in base64 that may be shown and has room; otherwise the empty text."""
        picture = "".join(_text(data.get(f"image/{kind}")).split())
        size = pixels(picture, kind) if len(picture) <= self.pictures.left else 0
        return picture if size and self.pictures.holds(max(len(picture), size // 8)) else ""

    def _outputs(self, outputs: list[Any], check: bool) -> Iterator[NotebookNode]:
        """What is shown of a cell's outputs; HTML and no bare value below a check cell."""
        for number, output in enumerate(outputs):
            if self.outputs.left <= 0:
                yield _stream(f"… {len(outputs) - number} more outputs are not shown.")
                return
            output = output if isinstance(output, dict) else {}
            kind = output.get("output_type")
            if kind == "stream":
                yield _stream(self.outputs.take(_text(output.get("text"))), output.get("name"))
            elif kind == "error":
                lines = "\n".join(map(_text, _list(output.get("traceback"))))
                traceback = [self.outputs.take(lines)]
                yield NotebookNode(output_type=kind, ename="", evalue="", traceback=traceback)
            # The value of a check is nbgrader's, and the score in the heading; the report says why.
            elif kind == "display_data" or (kind == "execute_result" and not check):
                data = output.get("data")
                yield from self._display(data if isinstance(data, dict) else {}, check)

    def _display(self, data: dict[str, Any], check: bool) -> Iterator[NotebookNode]:
        """The best that may be shown of what one output offers, if any."""
        report = _text(data.get("text/html"))
        if check and report and is_bounded(report) and self.outputs.holds(len(report)):
            yield _displayed("text/html", report)
            yield from self._model(data.get(TRACE))
            return
        for kind in ("png", "jpeg"):
            if picture := self._picture(data, kind):
                yield _displayed(f"image/{kind}", picture)
                return
        text = _text(data.get("text/plain")) or "… an output of a kind that is not shown."
        yield _displayed("text/plain", self.outputs.take(text))

    def _model(self, trace: object) -> Iterator[NotebookNode]:
        """The picture of what a learner's model did, where their process has told it."""
        if trace is None:
            return
        try:
            svg, alt = drawn(trace)
        except TraceRefusedError:
            svg = alt = ""
        if svg and self.outputs.holds(len(svg)):
            yield _displayed("image/svg+xml", svg, alt)
        else:
            yield _stream("… a picture of this model is not shown.")


def _stream(text: str, name: object = "stdout") -> NotebookNode:
    return NotebookNode(output_type="stream", name="stderr" if name == "stderr" else "stdout", text=text)


def _displayed(kind: str, content: str, alt: str = "A picture that this cell displayed") -> NotebookNode:
    about = NotebookNode({kind: NotebookNode(alt=alt)})
    return NotebookNode(output_type="display_data", metadata=about, data=NotebookNode({kind: content}))


def _text(value: object) -> str:
    if value is None:
        return ""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
