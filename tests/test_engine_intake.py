"""Intake: of a submission only its texts count, and the cells that are ours come back from the master."""

from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

import sumskip
from autograder.engine.folder import MOST_NOTEBOOK, IntakeError
from autograder.engine.inside.notebook import MOST_CELLS
from autograder.engine.intake import Submission, read_submission

Notebook = dict[str, Any]


def cell(source: str, grade_id: str = "", kind: str = "code", id: str = "", **rules: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if grade_id:
        metadata["nbgrader"] = {
            "grade_id": grade_id,
            "schema_version": 3,
            **{"grade": False, "solution": False, "locked": False, "task": False},
            **rules,
        }
    made = {"cell_type": kind, "id": id or grade_id or f"plain-{abs(hash(source)) % 10**8}", "source": source}
    made["metadata"] = metadata
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def solution(name: str, source: str) -> dict[str, Any]:
    return cell(source, name, solution=True)


def check(name: str, symbol: str, points: float) -> dict[str, Any]:
    return cell(f'check("{name}", {symbol})', f"{name}_check", grade=True, locked=True, points=points)


def notebook(*cells: dict[str, Any]) -> Notebook:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": list(cells)}


MASTER = notebook(
    cell("# Lesson", kind="markdown", id="intro"),
    cell("import torch", "imports", locked=True),
    cell("print('look')", id="look"),
    solution("first", "class First: secret_solution = 1"),
    check("first", "First", 3),
    {**cell("train()", id="train"), "metadata": {"tags": ["demo"]}},
    solution("second", "second = 'secret_solution'"),
    check("second", "second", 4.5),
    cell("secret_solution", "essay", "markdown", grade=True, solution=True, points=2),
)
OTHER = notebook(cell("x", "other_imports", locked=True), solution("third", "x"), check("third", "x", 1))
MASTERS = {"lesson": MASTER, "other": OTHER}


@pytest.fixture
def handed() -> Notebook:
    """An honest submission: the release with answers written in."""
    made = copy.deepcopy(MASTER)
    made["cells"][3]["source"] = "class First: pass"
    made["cells"][6]["source"] = "second = 2"
    made["cells"][8]["source"] = "Because."
    return made


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], Submission]:
    def read(data: Any) -> Submission:
        path = tmp_path / "02 (1).ipynb"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return read_submission(path, MASTERS)

    return read


def outline(submission: Submission) -> list[str]:
    return [
        f"check {step.exercise} {step.symbol} {step.max_score:g}" if step.do == "check" else step.source
        for step in submission.plan.tasks
    ]


HONEST = [
    "import torch",
    "print('look')",
    "class First: pass",
    "check first First 3",
    "second = 2",
    "check second second 4.5",
]


def test_an_honest_submission_gives_its_cells_in_order(read: Any, handed: Notebook) -> None:
    """Checks become steps of ours, the demonstration is left out, nothing is warned of."""
    submission = read(handed)
    assert submission.assignment == "lesson"
    assert outline(submission) == HONEST
    assert submission.warnings == ()
    assert [step.exercise for step in submission.plan.tasks if step.do == "run"] == [
        None,
        None,
        "first",
        "second",
    ]
    nbformat.validate(submission.notebook)
    assert [c.source for c in submission.notebook.cells][-1] == "Because."
    assert "secret_solution" not in json.dumps(submission.notebook)


def drop(*grade_ids: str) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        nb["cells"] = [
            c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") not in grade_ids
        ]

    return change


def every_cell(**metadata: Any) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for c in nb["cells"]:
            c["metadata"].update(metadata)

    return change


def rules(**changed: Any) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for c in nb["cells"]:
            if "nbgrader" in c["metadata"]:
                c["metadata"]["nbgrader"].update(changed)

    return change


def forged_outputs(nb: Notebook) -> None:
    for c in nb["cells"]:
        c["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "9999"}, "metadata": {}}]


def weakened_check(nb: Notebook) -> None:
    nb["cells"][4]["source"] = "3"


def extra_grade_cell(nb: Notebook) -> None:
    nb["cells"].append(cell("100", "bonus", grade=True, points=100))


def all_sources_as_lists(nb: Notebook) -> None:
    for c in nb["cells"]:
        c["source"] = c["source"].splitlines(keepends=True)


def junk_between_cells(nb: Notebook) -> None:
    nb["cells"][2:2] = [None, 3, "text", [], {"cell_type": "code"}, {"source": 5}]


SAME_PLAN = {
    "tags that skip": every_cell(tags=["skip-execution", "demo"]),
    "editable, deletable, collapsed": every_cell(editable=False, deletable=False, collapsed=True),
    "points": rules(points=1000),
    "flags": rules(grade=False, solution=True, locked=False),
    "an old schema": rules(schema_version=1),
    "a future schema": rules(schema_version=99),
    "a kernel that is none": lambda nb: nb["metadata"].update(kernelspec={"name": "evil", "argv": ["sh"]}),
    "no metadata": lambda nb: nb.update(metadata={}),
    "metadata that is no object": lambda nb: nb.update(metadata=[1]),
    "a check that was changed": weakened_check,
    "checks deleted": drop("first_check", "second_check"),
    "another grade cell": extra_grade_cell,
    "outputs of its own": forged_outputs,
    "sources as lists": all_sources_as_lists,
    "cells that are none": junk_between_cells,
    "an old minor version": lambda nb: nb.update(nbformat_minor=2),
}


@pytest.mark.parametrize("change", SAME_PLAN.values(), ids=SAME_PLAN)
def test_what_is_not_text_changes_nothing(read: Any, handed: Notebook, change: Any) -> None:
    """Each of these earned full marks, or failed the whole class, where metadata was believed."""
    change(handed)
    submission = read(handed)
    assert [line for line in outline(submission) if line not in ("100", "3", "")] == HONEST
    ours = [c for c in submission.notebook.cells if "nbgrader" in c.metadata]
    masters = [c for c in MASTER["cells"] if "nbgrader" in c["metadata"]]
    assert [dict(c.metadata.nbgrader) for c in ours] == [c["metadata"]["nbgrader"] for c in masters]
    assert all(set(c.metadata) <= {"nbgrader", "tags"} for c in submission.notebook.cells)
    assert all(c.get("outputs", []) == [] for c in submission.notebook.cells)
    nbformat.validate(submission.notebook)


def test_whatever_the_order_locked_cells_come_before_and_checks_after(read: Any, handed: Notebook) -> None:
    """A notebook upside down: what all builds on runs first, and no check above its answer."""
    handed["cells"].reverse()
    lines = [line for line in outline(read(handed)) if line != "print('look')"]
    assert lines == [HONEST[0], *HONEST[4:6], *HONEST[2:4]]
    handed["cells"].reverse()
    handed["cells"][4], handed["cells"][7] = handed["cells"][7], handed["cells"][4]
    assert outline(read(handed)) == [*HONEST[:3], *HONEST[4:6], HONEST[3]]


def test_a_cell_of_ours_that_was_deleted_comes_back(read: Any, handed: Notebook) -> None:
    drop("imports")(handed)
    submission = read(handed)
    assert sorted(outline(submission)) == sorted(HONEST)
    assert submission.warnings == ("the cell imports was missing",)


def test_a_missing_solution_is_never_the_masters(read: Any, handed: Notebook) -> None:
    drop("first", "essay")(handed)
    submission = read(handed)
    assert "secret_solution" not in json.dumps(submission.notebook) + "".join(outline(submission))
    assert submission.warnings == ("the cells first, essay were missing",)
    assert "check first First 3" in outline(submission)


def test_the_learners_own_cells_run_after_the_cell_they_followed(read: Any, handed: Notebook) -> None:
    handed["cells"].insert(4, {**cell("helper = 1", id="mine"), "metadata": {"tags": ["skip-execution"]}})
    handed["cells"].insert(0, cell("early = 1", id="early"))
    submission = read(handed)
    assert outline(submission)[:5] == [
        "early = 1",
        "import torch",
        "print('look')",
        "class First: pass",
        "helper = 1",
    ]
    assert {c.id: dict(c.metadata) for c in submission.notebook.cells}["mine"] == {}


@pytest.mark.parametrize("source", ["train()", "train(10)"])
def test_a_demonstration_is_known_by_the_masters_id(read: Any, handed: Notebook, source: str) -> None:
    handed["cells"][5] = cell(source, id="train")
    assert outline(read(handed)) == HONEST


def test_a_demonstration_without_its_id_is_known_by_its_text(read: Any, handed: Notebook) -> None:
    """Some editors write notebooks without cell ids."""
    for c in handed["cells"]:
        del c["id"]
    assert outline(read(handed)) == HONEST


def test_the_learner_cannot_make_a_cell_a_demonstration(read: Any, handed: Notebook) -> None:
    handed["cells"][3]["metadata"]["tags"] = ["demo"]
    handed["cells"][2]["metadata"]["tags"] = ["demo"]
    assert outline(read(handed)) == HONEST


@pytest.mark.parametrize("id", ["first", "first_check", "<script>", "a b", "x" * 65, "", 5, None, "look"])
def test_no_cell_takes_an_id_of_ours_or_an_odd_one(read: Any, handed: Notebook, id: Any) -> None:
    handed["cells"][2:2] = [{**cell("mine = 1"), "id": id}, {**cell("mine = 2"), "id": id}]
    submission = read(handed)
    ids = [c.id for c in submission.notebook.cells]
    assert len(ids) == len(set(ids))
    assert [s.cell_id for s in submission.plan.tasks if s.exercise == "first"] == ["first", "first_check"]
    nbformat.validate(submission.notebook)


def test_raw_cells_become_text(read: Any, handed: Notebook) -> None:
    """nbconvert would put a raw cell into a page as it is."""
    handed["cells"].append({"cell_type": "raw", "source": "<script>x</script>", "metadata": {}, "id": "raw"})
    assert read(handed).notebook.cells[-1].cell_type == "markdown"


@pytest.mark.parametrize(
    ("metadata", "version", "warned"),
    [
        ({"sumskip": {"version": sumskip.__version__}}, sumskip.__version__, False),
        ({"sumskip": {"version": "0.0.1"}}, "0.0.1", True),
        ({"sumskip": {"version": 7}}, None, False),
        ({"sumskip": []}, None, False),
        ({}, None, False),
    ],
)
def test_another_version_is_graded_with_a_warning(
    read: Any, handed: Notebook, metadata: Any, version: str | None, warned: bool
) -> None:
    handed["metadata"] = metadata
    submission = read(handed)
    assert submission.version == version
    assert any("version" in warning for warning in submission.warnings) == warned


HOPELESS: dict[str, Any] = {
    "empty": b"",
    "no JSON": b"print('hello')",
    "no UTF-8": b'{"cells": "\xff"}',
    "a web page": b"<!DOCTYPE html><html><body>Log in</body></html>",
    "an archive": b"PK\x03\x04" + b"\0" * 100,
    "a list": b"[]",
    "a number": b"7",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep, but not for the parser": b'{"a":' * 100 + b"1" + b"}" * 100,
    "NaN": b'{"nbformat": 4, "cells": [], "metadata": {"a": NaN}}',
    "cells that are no list": {"nbformat": 4, "cells": {}},
    "format 3": {"nbformat": 3, "worksheets": []},
    "no format": {"cells": []},
    "no cells": notebook(),
    "another course": notebook(cell("x", "strange", solution=True)),
    "too many cells": notebook(*[cell("x", id=f"c{i}") for i in range(MOST_CELLS + 1)]),
    "a cell that is a book": notebook(cell("x" * 1_000_000)),
    "too large": b'{"nbformat": 4, "cells": [], "metadata": {"a": "' + b"x" * MOST_NOTEBOOK + b'"}}',
    "hidden digits": b'{"nbformat": ' + b"4" * 10_000 + b"}",
}


@pytest.mark.parametrize("data", HOPELESS.values(), ids=HOPELESS)
def test_what_cannot_be_graded_is_said_in_one_line(read: Any, data: Any) -> None:
    with pytest.raises(IntakeError) as caught:
        read(data)
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message
    assert len(message) < 400


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_notebook_is_read_in_each_encoding_of_json(read: Any, handed: Notebook, name: str) -> None:
    """Windows' tools write UTF-16; nothing of it is said, for nothing is lost."""
    handed["cells"][8]["source"] = "Weil für x."
    submission = read(json.dumps(handed, ensure_ascii=False).encode(name))
    assert outline(submission) == HONEST
    assert submission.notebook.cells[8].source == "Weil für x."
    assert submission.warnings == ()


def test_a_sign_that_cannot_be_read_costs_itself_and_is_said(read: Any, handed: Notebook) -> None:
    """An editor that writes in another encoding than it says."""
    handed["cells"][8]["source"] = "Weil für x."
    submission = read(json.dumps(handed, ensure_ascii=False).encode("cp1252"))
    assert outline(submission) == HONEST
    assert submission.notebook.cells[8].source == "Weil f\ufffdr x."
    assert submission.warnings == ("1 characters could not be read: the file is not in UTF-8",)


def test_a_number_that_is_none_in_an_output_costs_nothing(read: Any, handed: Notebook) -> None:
    """Python's own tools write NaN, which is no JSON, where a plot has a gap."""
    handed["cells"][2]["outputs"] = [{"data": {"application/json": [float("nan"), float("inf")]}}]
    assert outline(read(handed)) == HONEST


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\n<!DOCTYPE html>", "a web page"),
        (b"PK\x03\x04" + b"\0" * 9, "a zip"),
        (b"  \n", "an empty file"),
        (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n', "one that a version control has merged badly"),
        (b"print()", "something else"),
    ],
)
def test_what_came_instead_of_a_notebook_is_named(read: Any, data: bytes, kind: str) -> None:
    with pytest.raises(IntakeError, match=rf"expected a notebook \(JSON\), got {kind} \("):
        read(data)


def test_half_characters_are_replaced(read: Any, handed: Notebook) -> None:
    handed["cells"][3]["source"] = "x = '\ud800'"
    assert read(handed).notebook.cells[3].source == "x = '?'"


def test_links_pipes_and_devices_are_not_read(tmp_path: Path, handed: Notebook) -> None:
    """A link would show the instructor's files, a pipe would hold the grader for ever."""
    real = tmp_path / "real.ipynb"
    real.write_text(json.dumps(handed))
    (tmp_path / "link.ipynb").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.ipynb"))
        for name in ("link", "pipe", "folder", "socket", "missing"):
            with pytest.raises(IntakeError, match=rf"^{name}\.ipynb: expected"):
                read_submission(tmp_path / f"{name}.ipynb", MASTERS)
    with pytest.raises(IntakeError, match="regular file"):
        read_submission(Path("/dev/zero"), MASTERS)


def test_harmless_files_go_along_and_the_rest_is_named(tmp_path: Path, handed: Notebook) -> None:
    path = tmp_path / "lesson.ipynb"
    path.write_text(json.dumps(handed))
    (tmp_path / "helper.py").write_text("x = 1")
    (tmp_path / "photo.png").write_bytes(b"png")
    (tmp_path / "timestamp.txt").write_text("2026-01-01")
    modules = ("torch.py", "sitecustomize.py", "json.py", "sumskip.py", "inside.py")
    unwanted = ("run.sh", "a.pth", "bomb.zip")
    for name in modules + unwanted:
        (tmp_path / name).write_text("x")
    (tmp_path / "big.txt").write_bytes(b"x" * 3_000_000)
    (tmp_path / "link.txt").symlink_to("/etc/passwd")
    (tmp_path / "-rf.txt").write_text("x")
    (tmp_path / "line\nbreak.txt").write_text("x")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "package").mkdir()
    submission = read_submission(path, MASTERS, beside=tmp_path)
    assert submission.plan.files == {"helper.py": b"x = 1", "photo.png": b"png"}
    dropped = "\n".join(submission.warnings)
    for name in (*modules, *unwanted, "big.txt", "link.txt", "-rf.txt", "pipe.txt", "package"):
        assert f"dropped {name}: " in dropped
    assert read_submission(path, MASTERS).plan.files == {}


def test_only_so_many_files_go_along(tmp_path: Path, handed: Notebook) -> None:
    path = tmp_path / "lesson.ipynb"
    path.write_text(json.dumps(handed))
    for number in range(40):
        (tmp_path / f"data{number}.txt").write_text("x")
    submission = read_submission(path, MASTERS, beside=tmp_path)
    assert len(submission.plan.files) == 20
    assert len(submission.warnings) == 20


def test_the_real_masters_make_plans() -> None:
    """Every exercise of the course is checked, under the name its own check cell gives it."""
    from autograder.exercises import EXERCISES

    root = Path(__file__).parent.parent / "notebooks"
    masters = {path.stem: json.loads(path.read_text()) for path in sorted(root.glob("*/*.ipynb"))}
    for name in masters:
        submission = read_submission(root / name / f"{name}.ipynb", masters)
        checks = {step.exercise: step for step in submission.plan.tasks if step.do == "check"}
        expected = {e.name: e for e in EXERCISES.values() if e.assignment == name}
        assert submission.assignment == name
        assert set(checks) == set(expected)
        assert submission.warnings == ()
        for exercise, step in checks.items():
            assert step.symbol == expected[exercise].symbol
            assert step.max_score == pytest.approx(expected[exercise].points)
