"""Attacks made of the notebook file itself. Each comment says what it earned where metadata is believed."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.course import TARGET, cell, honest

Notebook = dict[str, Any]


def _of(nb: Notebook, grade_id: str) -> dict[str, Any]:
    return next(c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def _skip(nb: Notebook) -> None:  # nbconvert skips the test, nbgrader gives full marks for its silence
    for c in nb["cells"]:
        c["metadata"]["tags"] = ["skip-execution", "raises-exception"]


def _points(nb: Notebook) -> None:  # the points in the submission are the maximum
    _of(nb, f"{TARGET}_check")["metadata"]["nbgrader"]["points"] = 1e308
    _of(nb, "predict_addition_check")["metadata"]["nbgrader"]["points"] = 10_000


def _flags(nb: Notebook) -> None:  # a test cell that is a solution is the learner's to write
    _of(nb, f"{TARGET}_check")["metadata"]["nbgrader"].update(solution=True, locked=False)
    _of(nb, f"{TARGET}_check")["source"] = "8"


def _no_check(nb: Notebook) -> None:  # a missing test stays ungraded for ever
    nb["cells"].remove(_of(nb, f"{TARGET}_check"))


def _own_check(nb: Notebook) -> None:  # the test is the learner's own
    _of(nb, f"{TARGET}_check")["source"] = "8.0"


def _check_of_another(nb: Notebook) -> None:  # points for the exercise that is solved, twice
    _of(nb, f"{TARGET}_check")["source"] = 'check("predict_addition", predictions_addition)'


def _copied_check(nb: Notebook) -> None:  # two cells of one name: the database takes one of them
    made = copy.deepcopy(_of(nb, f"{TARGET}_check"))
    nb["cells"].append({**made, "id": "copy", "source": "8.0"})


def _added_grade(nb: Notebook) -> None:  # a grade cell that the master does not know
    nb["cells"].append(cell("code", "100", grade_id="bonus", grade=True, points=100))


def _swapped_ids(nb: Notebook) -> None:  # the test of the solved exercise judges the other one
    a, b = _of(nb, f"{TARGET}_check"), _of(nb, "predict_addition_check")
    a["metadata"], b["metadata"] = b["metadata"], a["metadata"]


def _reversed(nb: Notebook) -> None:  # tests run before what they test
    nb["cells"].reverse()


def _other_kernel(nb: Notebook) -> None:  # the kernel is a command of the learner's
    nb["metadata"]["kernelspec"] = {"name": "bash", "argv": ["sh", "-c", "touch /tmp/pwned"], "language": "bash"}


def _forged_outputs(nb: Notebook) -> None:  # outputs that were there before are counted
    for c in nb["cells"]:
        c["outputs"] = [{"output_type": "execute_result", "execution_count": 1, "metadata": {},
                         "data": {"text/plain": "8.0", "text/html": "<script>alert(1)</script>"}}]
        c["execution_count"] = 1


def _verdict_in_metadata(nb: Notebook) -> None:  # a verdict that came along is believed
    nb["metadata"]["sumskip"] = {"version": "0.1.0", "verdict": {"score": 18, "status": "passed"}}
    _of(nb, TARGET)["metadata"]["sumskip"] = {"score": 8}


def _schema(nb: Notebook) -> None:  # a schema that nbgrader refuses stops the batch
    for c in nb["cells"]:
        if "nbgrader" in c["metadata"]:
            c["metadata"]["nbgrader"]["schema_version"] = 99


def _odd_ids(nb: Notebook) -> None:  # an id is put into pages and files
    for number, c in enumerate(nb["cells"]):
        c["id"] = f"../../<script>alert({number})</script>"


def _same_ids(nb: Notebook) -> None:  # two cells with one id: outputs land in the wrong one
    for c in nb["cells"]:
        c["id"] = f"{TARGET}_check"


def _html(nb: Notebook) -> None:  # pages that run the learner's JavaScript
    for kind in ("markdown", "raw"):
        nb["cells"].append({"cell_type": kind, "id": kind, "metadata": {"raw_mimetype": "text/html"},
                            "source": "<script>alert(1)</script><svg onload=alert(1)>",
                            "attachments": {"a.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}})


def _junk_cells(nb: Notebook) -> None:  # a cell that is none stops the converter
    nb["cells"][1:1] = [None, 7, [], {}, {"cell_type": "code"}, {"cell_type": 1, "source": {}, "metadata": []}]


def _demo(nb: Notebook) -> None:  # the learner's tags decide what is run
    for c in nb["cells"]:
        c["metadata"]["tags"] = ["demo"]


def _prints(nb: Notebook) -> None:  # bounded a cell, sixty cells made 5 MB each for verdict, notebook and page
    source = "import sys\nfor stream in (sys.stdout, sys.stderr): print('x' * 50_000, file=stream)\nraise ValueError('y' * 50_000)"
    nb["cells"] += [cell("code", source, grade_id=f"mine{number}") for number in range(60)]


# --- copies, ids and names: where cells are recognised by what they say of themselves ---


def _named_as_the_check_of_another(nb: Notebook) -> None:  # what is run in its place is the learner's
    _of(nb, TARGET)["metadata"]["nbgrader"]["grade_id"] = "projected_addition_model_check"


def _copied_check_with_another_text(nb: Notebook) -> None:  # the last copy says what is judged
    made = copy.deepcopy(_of(nb, f"{TARGET}_check"))
    made["metadata"]["nbgrader"].update(points=1e308, solution=True)
    texts = ('check("predict_addition", predictions_addition)', "AdditionModel = 8.0\n8.0", f'check("{TARGET}", ProjectedAdditionModel)')
    for number, text in enumerate(texts):
        nb["cells"].append({**copy.deepcopy(made), "id": f"copy-{number}", "source": text})


def _many_copied_checks(nb: Notebook) -> None:  # an exercise is asked as often as it has checks
    made = _of(nb, f"{TARGET}_check")
    nb["cells"] += [{**copy.deepcopy(made), "id": f"copy-{number}"} for number in range(200)]


def _calls_without_names(nb: Notebook) -> None:  # a call with the name of an exercise makes a check of ours
    for c in nb["cells"]:
        c["metadata"], c["id"] = {}, f"lost-{nb['cells'].index(c)}"
    text = f'check("{TARGET}", ProjectedAdditionModel); check("{TARGET}_check", 8); 8.0'
    nb["cells"].append({**cell("code", text, grade_id="lost"), "metadata": {}})


def _swapped_released_ids(nb: Notebook) -> None:  # the answer to one exercise counts for another as well
    for c in nb["cells"]:
        c["metadata"] = {}
    a, b = (next(c for c in nb["cells"] if c["id"] == name) for name in (TARGET, "projected_addition_model"))
    a["id"], b["id"] = b["id"], a["id"]


def _texts_that_claim(nb: Notebook) -> None:  # text with points of its own, called like exercises, checks and essays
    for name in (TARGET, f"{TARGET}_check", "predict_addition", "predict_addition_check", "essay_of_another"):
        rules = {"grade_id": name, "grade": True, "solution": True, "points": 1e308}
        nb["cells"].insert(2, {**cell("markdown", "8.0", **rules), "id": f"text-{name}"})


def _template_everywhere(nb: Notebook) -> None:  # a place in which nothing was written hides what was
    for index in range(len(nb["cells"]), 0, -1):
        nb["cells"].insert(index, cell("code", "raise NotImplementedError()", grade_id="predict_addition"))


CHANGES: dict[str, Callable[[Notebook], None]] = {
    function.__name__.strip("_").replace("_", " "): function
    for function in (
        _skip, _points, _flags, _no_check, _own_check, _check_of_another, _copied_check, _added_grade, _swapped_ids,
        _reversed, _other_kernel, _forged_outputs, _verdict_in_metadata, _schema, _odd_ids, _same_ids, _html,
        _junk_cells, _demo, _prints, _named_as_the_check_of_another, _copied_check_with_another_text,
        _many_copied_checks, _calls_without_names, _swapped_released_ids, _texts_that_claim, _template_everywhere,
    )
}

# --- what lies beside a notebook, or instead of one: each function fills the folder of a submission ----------


def _named(*names: str) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        for name in names:
            (folder / name).write_text("open('/tmp/pwned', 'w')")

    return fill


def _copies(data: bytes, count: int) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        for number in range(count):
            (folder / f"{number}.ipynb").write_bytes(data)

    return fill


def _many_files(folder: Path) -> None:
    for number in range(3_000):
        (folder / f"{number}.exe").touch()


def _not_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "folder.ipynb").mkdir()
    (folder / "link.ipynb").symlink_to("/dev/zero")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(".")


# What each gained stands behind it. `evil.py` lies in the course root, which is on the grader's path.
BESIDE: dict[str, Callable[[Path], None]] = {
    # `find_spec("submitted.mallory….evil.x")` imported `evil.py` with the grader's rights: full marks, and all else.
    "a name that imports": _named("evil.x.py", "submitted.mallory.02_explicit_addition.evil.x.py"),
    "a name that ends the batch": _named("venv.__main__.x.py", "idlelib.__main__.x.py", "this.x.py"),
    "a name that opens a browser": _named("antigravity.x.py", "antigravity.py"),
    "names that are no modules": _named("..py", "a b.py", "a-b.py", "1.py", "x.__init__.py", "{0.__class__}.txt", "%s.txt"),
    "names for a shell and a page": _named("$(touch pwned).py", "`x`.txt", "<b>.txt", "a\nb.txt", "\x1b[31m.txt", "\u202etxt.py"),
    # Each was parsed in the main thread: a minute and a gigabyte for one learner.
    "twenty notebooks of one megabyte": _copies(b'{"nbformat": 4, "cells": [], "metadata": [' + b"[]," * 300_000 + b"1]}", 20),
    "a list as large as may be": _copies(b'{"nbformat": 4, "cells": [], "metadata": [' + b"[]," * 6_600_000 + b"1]}", 1),
    "strings without end": _copies(b'"\\' * 9_000_000, 1),
    "files without number": _many_files,  # one warning each
    "pipes, links and loops": _not_files,  # a pipe holds its reader for ever, a link shows /etc
}

_DEEP = b'{"nbformat": 4, "cells": [], "metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 901
HOPELESS: dict[str, bytes] = {
    "an archive bomb": b"PK\x03\x04" + b"\0" * 10_000,
    "a gzip bomb": b"\x1f\x8b\x08" + b"\0" * 10_000,
    "a nested bomb": _DEEP,
    "a list bomb": b"[" * 1_000_000,
    "a number bomb": b'{"nbformat": 4, "cells": [], "metadata": {"a": ' + b"9" * 1_000_000 + b"}}",
    "a pickle": b"\x80\x04\x95cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
    "too many cells": json.dumps({**honest(), "cells": honest()["cells"] * 200}).encode(),
    "a monster": b'{"nbformat": 4, "cells": [], "metadata": {"a": "' + b"x" * 21_000_000 + b'"}}',
}
