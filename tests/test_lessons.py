"""The master notebooks: well formed, in step with the course, readable, and right when run whole."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbgrader.nbgraderformat import MetadataValidator

from autograder.clearing import ClearAnswers
from autograder.exercises import EXERCISES, LESSONS
from autograder.exercises.vocabulary import Exercise

ROOT = Path(__file__).resolve().parent.parent
MINUTES = {LESSONS[0]: 25, LESSONS[1]: 30, LESSONS[2]: 35, LESSONS[3]: 20}
LONGEST_TEXT = 190  # words in one markdown cell: what a second-language reader takes in at once
LONGEST_CODE = 25  # lines in one code cell, solutions included
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f]")

each_lesson = pytest.mark.parametrize("lesson", LESSONS)


def master(lesson: str) -> Path:
    return ROOT / "notebooks" / lesson / f"{lesson}.ipynb"


@cache
def read(lesson: str) -> Any:
    return nbformat.read(master(lesson), as_version=4)


def texts(lesson: str) -> list[Any]:
    return [cell for cell in read(lesson).cells if cell.cell_type == "markdown"]


def graded(lesson: str) -> dict[str, Any]:
    """grade_id -> cell, in the order of the notebook."""
    cells = [cell for cell in read(lesson).cells if "nbgrader" in cell.metadata]
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells}


def exercises(lesson: str) -> list[Exercise]:
    return [exercise for exercise in EXERCISES.values() if exercise.assignment == lesson]


def worth(lesson: str) -> list[float]:
    """The points of each exercise, with the one that is marked by hand."""
    return [exercise.points for exercise in exercises(lesson)] + ([4] if lesson == LESSONS[3] else [])


def cleared(lesson: str) -> Any:
    """The lesson as learners get it: nbgrader's own converter takes the solutions out."""
    notebook, _ = ClearAnswers().preprocess(nbformat.read(master(lesson), as_version=4), {})
    return notebook


@cache
def run(lesson: str, with_solutions: bool) -> Any:
    """The lesson after Run All in a kernel of its own, going on after errors."""
    notebook = nbformat.read(master(lesson), as_version=4) if with_solutions else cleared(lesson)
    client = NotebookClient(notebook, timeout=300, allow_errors=True, kernel_name="python3")
    return client.execute(cwd=str(ROOT))


def errors(notebook: Any) -> dict[str, str]:
    """Cell id -> the error in which the cell ended."""
    return {
        cell.id: f"{output.ename}: {output.evalue}"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }


def said(cell: Any) -> str:
    """What a cell printed or showed, as text."""
    parts = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell.outputs]
    return "".join(parts)


def by_id(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells}


def dashed(exercise: Exercise) -> str:
    """How the cell ids name an exercise."""
    return exercise.name.replace("_", "-")


@each_lesson
def test_master_is_well_formed_and_holds_nothing_of_a_run(lesson: str) -> None:
    """Ids are unique and describe the cell, there are no outputs, and no metadata of a session."""
    notebook = read(lesson)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z-]+[a-z]", name) for name in ids)
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader", "tags"}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id
            ast.parse(cell.source)


@each_lesson
def test_a_master_is_stored_so_that_its_diff_reads_well(lesson: str) -> None:
    """One line of the file is one line of the source, and the file is as nbformat writes it: keys
    sorted, indented by one, letters as they are. So only what somebody changed differs."""
    stored = master(lesson).read_text(encoding="utf-8")
    for cell in json.loads(stored)["cells"]:
        assert isinstance(cell["source"], list), cell["id"]
        assert cell["source"] == "".join(cell["source"]).splitlines(keepends=True), cell["id"]
    assert stored == nbformat.writes(read(lesson)) + "\n", "run jupyter nbconvert --clear-output --inplace"


@each_lesson
def test_nbgrader_metadata_is_valid_and_worth_the_points_of_the_contract(lesson: str) -> None:
    MetadataValidator().validate_nb(read(lesson))
    metadata = [cell.metadata.nbgrader for cell in read(lesson).cells if "nbgrader" in cell.metadata]
    assert len({m.grade_id for m in metadata}) == len(metadata)
    assert sum(m.get("points", 0) for m in metadata if m.grade) == sum(worth(lesson))


@each_lesson
def test_each_exercise_is_a_solution_cell_and_then_its_check(lesson: str) -> None:
    """In the order of `autograder.exercises`, with its points and its symbol; nothing else is graded."""
    cells = graded(lesson)
    solutions = [name for name, cell in cells.items() if cell.metadata.nbgrader.solution]
    checks = [name for name, cell in cells.items() if cell.metadata.nbgrader.grade]
    names = [exercise.name for exercise in exercises(lesson)]
    written = ["explain_skip"] if lesson == LESSONS[3] else []
    assert solutions == names + written
    assert checks == [f"{name}_check" for name in names] + written
    order = list(cells)
    for exercise in exercises(lesson):
        solution, check = cells[exercise.name], cells[f"{exercise.name}_check"]
        assert order.index(f"{exercise.name}_check") == order.index(exercise.name) + 1
        assert solution.metadata.nbgrader.locked is False
        assert check.metadata.nbgrader.locked is True
        assert check.metadata.nbgrader.points == exercise.points
        assert check.source == f'check("{exercise.name}", {exercise.symbol})'


def test_the_written_answer_is_marked_by_hand() -> None:
    cell = graded(LESSONS[3])["explain_skip"]
    assert cell.cell_type == "markdown"
    flags = cell.metadata.nbgrader
    assert (flags.grade, flags.solution, flags.locked, flags.points) == (True, True, False, 4)
    assert by_id(cleared(LESSONS[3]))["explain-skip"].source == "YOUR ANSWER HERE"


@each_lesson
def test_without_its_solution_each_exercise_keeps_a_scaffold(lesson: str) -> None:
    """What is left is valid Python that names the answer, and says that the work is still to be done."""
    left = by_id(cleared(lesson))
    for exercise in exercises(lesson):
        source = left[f"{dashed(exercise)}-solution"].source
        tree = ast.parse(source)
        assert "### " not in source
        assert ("None" if exercise.questions else "raise NotImplementedError()") in source
        assert exercise.symbol in source
        if exercise.kind != "literals":
            assert ast.get_docstring(tree.body[-1]), f"{exercise.name} has no docstring"  # type: ignore[arg-type]


@each_lesson
def test_a_lesson_uses_only_torch_and_sumskip(lesson: str) -> None:
    code = "\n".join(cell.source for cell in read(lesson).cells if cell.cell_type == "code")
    imported = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"torch", "sumskip"}


@each_lesson
def test_a_lesson_opens_with_what_to_do_learn_and_need_and_the_minutes(lesson: str) -> None:
    intro = read(lesson).cells[0].source
    places = [intro.index(f"**What you'll {verb}") for verb in ("do", "learn", "need")]
    assert places == sorted(places)
    assert f"**Minutes:** about {MINUTES[lesson]}" in intro
    assert f"**Points:** {sum(worth(lesson)):g}." in intro
    assert read(lesson).cells[-1].source.startswith("## Summary")
    assert "**What comes next.**" in read(lesson).cells[-1].source


@each_lesson
def test_each_exercise_says_points_difficulty_and_minutes(lesson: str) -> None:
    """The points in the text are those in the metadata, and the minutes fit the lesson's."""
    headings = [cell.source for cell in texts(lesson) if cell.source.startswith("## Exercise")]
    assert len(headings) == len(worth(lesson))
    for number, (text, points) in enumerate(zip(headings, worth(lesson), strict=True), 1):
        assert text.startswith(f"## Exercise {number}")
        assert re.search(rf"\n\*{points:g} points, (easy, |medium, |hard, )?\d+ minutes", text), text[:80]
    minutes = [int(found) for found in re.findall(r"(\d+) minutes[*.]", "\n".join(headings))]
    in_the_first_sitting = minutes[:1] if lesson == LESSONS[3] else minutes
    assert sum(in_the_first_sitting) < MINUTES[lesson]


@each_lesson
def test_a_lesson_says_that_binder_forgets(lesson: str) -> None:
    text = "\n".join(cell.source for cell in texts(lesson)[:2])
    assert "**Binder forgets.**" in text
    assert "download your notebook before you leave" in text.lower()


@each_lesson
def test_texts_are_short_and_calm(lesson: str) -> None:
    """Bounded length, no exclamation marks, no emoji; headings go down one level at a time."""
    levels = []
    for cell in texts(lesson):
        prose = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", " ", cell.source, flags=re.DOTALL)
        assert len(cell.source.split()) <= LONGEST_TEXT or cell.id == "explain-skip", cell.id
        assert "!" not in prose.replace("![", "["), cell.id
        levels += [len(marks) for marks in re.findall(r"^(#+) ", cell.source, flags=re.MULTILINE)]
        for alternative in re.findall(r"!\[([^\]]*)\]", cell.source):
            assert alternative.strip(), f"{cell.id}: a picture without alternative text"
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert not EMOJI.search("\n".join(cell.source for cell in read(lesson).cells))


@each_lesson
def test_a_lesson_has_its_rhythm(lesson: str) -> None:
    """Questions on earlier lessons, a worked example before gaps, then exercises; hints before each solution;
    and at the end tasks for the quick, the new words, and one line to take away."""
    cells = {cell.id: cell for cell in read(lesson).cells}
    ids = list(cells)
    if lesson != LESSONS[0]:
        assert cells["recall"].source.count("<summary>") == 3
        assert ids.index("recall") < ids.index("imports")
    gaps = [name for name in ids if name.endswith("with-gaps")]
    assert gaps
    models = [e for e in exercises(lesson) if not e.questions]
    assert any(ids.index(gaps[0]) < ids.index(f"{dashed(e)}-solution") for e in models)
    for exercise in models:
        place = ids.index(f"{dashed(exercise)}-hints")
        assert ids.index(dashed(exercise)) < place < ids.index(f"{dashed(exercise)}-solution")
        assert cells[f"{dashed(exercise)}-hints"].source == f'hints("{exercise.name}")'
    assert ids[-3:] == ["if-you-were-quick", "words", "summary"]
    assert cells["words"].source.count("\n| ") > 5
    assert cells["summary"].source.count("**One line to take away.**") == 1


@each_lesson
def test_no_cell_is_longer_than_a_screen(lesson: str) -> None:
    for cell in read(lesson).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= LONGEST_CODE, cell.id
            assert max(map(len, cell.source.splitlines())) <= 79, cell.id


@each_lesson
def test_links_inside_the_course_lead_somewhere(lesson: str) -> None:
    for cell in texts(lesson):
        for target in re.findall(r"\]\(([^)\s]+)\)", cell.source):
            assert target.startswith("https://") or (master(lesson).parent / target).is_file(), target


def test_shapes_are_defined_before_they_are_used() -> None:
    """(N, C, H, W) is explained before the first exercise, and predictions come before any run."""
    ids = [cell.id for cell in read(LESSONS[0]).cells]
    assert ids.index("shapes") < ids.index("predict-flow-solution") < ids.index("chain-of-numbers")
    before = [cell.source for cell in read(LESSONS[0]).cells[: ids.index("predict-flow-solution")]]
    assert not [source for source in before if source.startswith(("trace(", "wiring_board("))]


@pytest.mark.parametrize("exercise", [e for e in EXERCISES.values() if e.questions], ids=lambda e: e.name)
def test_predictions_ask_what_the_exercise_asks(exercise: Exercise) -> None:
    """The keys of the scaffold are those of the exercise, each None."""
    tree = ast.parse(graded(exercise.assignment)[exercise.name].source)
    scaffold = ast.literal_eval(tree.body[0].value)  # type: ignore[attr-defined]
    assert scaffold == dict.fromkeys(question.name for question in exercise.questions)


def test_torch_agrees_with_the_sums_of_lesson_two() -> None:
    """The model answer is what PyTorch does with the pairs that the lesson prints."""
    space: dict[str, Any] = {}
    for name in ("pairs_to_add", "predict_addition"):
        exec(graded(LESSONS[1])[name].source, space)
    for name, (left, right) in space["PAIRS"].items():
        try:
            truth: Any = tuple((torch.zeros(left) + torch.zeros(right)).shape)
        except RuntimeError:
            truth = "error"
        assert space["predictions_addition"][name] == truth, name


def test_torch_agrees_with_what_trains_in_lesson_three() -> None:
    space: dict[str, Any] = {"nn": torch.nn, "torch": torch}
    for name in ("six_attributes", "what_trains"):
        exec(graded(LESSONS[2])[name].source, space)
    module = space["SixAttributes"]()
    for name, answer in space["trains"].items():
        where = "parameter" if name in dict(module.named_parameters()) else "neither"
        assert answer == ("buffer" if name in dict(module.named_buffers()) else where), name
        assert hasattr(module, name)


@each_lesson
def test_demonstrations_can_be_left_out(lesson: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Grading skips the cells tagged `demo`, those that draw or train: nothing graded needs them."""
    space: dict[str, Any] = {}
    # Predictions are committed, which is worth no points in the notebook.
    points = {f'check("{e.name}", {e.symbol})': None if e.questions else e.points for e in exercises(lesson)}
    for cell in read(lesson).cells:
        if cell.cell_type != "code" or "demo" in cell.metadata.get("tags", []):
            continue
        if cell.source in points:
            assert eval(cell.source, space) == points.pop(cell.source), cell.id
        else:
            exec(cell.source, space)
            assert not re.search(r"^(trace|compare|show_feature_maps)\(", cell.source, re.MULTILINE), cell.id
    assert not points


@pytest.mark.slow
@each_lesson
def test_a_master_runs_whole_and_earns_full_marks(lesson: str) -> None:
    """Run All: no error, nothing on stderr, and each check ends in the points of its exercise."""
    notebook = run(lesson, with_solutions=True)
    assert errors(notebook) == {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", f"{cell.id}: {output.text}"
            assert "Finish exercise" not in said(cell), said(cell)
    cells = by_id(notebook)
    for exercise in exercises(lesson):
        check = cells[f"{dashed(exercise)}-check"]
        values = [float(o.data["text/plain"]) for o in check.outputs if o.output_type == "execute_result"]
        assert values == ([] if exercise.questions else [exercise.points]), exercise.name
        assert "✓" in said(check)


@pytest.mark.slow
@each_lesson
def test_each_picture_of_a_lesson_has_alternative_text(lesson: str) -> None:
    pictures = 0
    for cell in run(lesson, with_solutions=True).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            images = re.findall(r"<img\b[^>]*>", data.get("text/html", ""))
            pictures += len(images)
            for image in images:
                assert re.search(r'\balt="[^"]{10,}"', image), f"{cell.id}: {image[:120]}"
            if {"image/png", "image/svg+xml"} & set(data):
                assert images, f"{cell.id}: a picture without alternative text"
    assert pictures >= 3


@pytest.mark.slow
@each_lesson
def test_a_lesson_says_the_same_on_two_runs(lesson: str, runs: dict[str, Any]) -> None:
    """What is printed, and every picture's text: nothing depends on the time, on chance or on the folder.

    The other run is the book's.
    """
    found = run(lesson, with_solutions=True), runs[lesson]
    first, again = ([cell for cell in notebook.cells if cell.cell_type == "code"] for notebook in found)
    assert [cell.id for cell in first] == [cell.id for cell in again]
    for one, other in zip(first, again, strict=True):
        assert said(one) == said(other), one.id


@pytest.mark.slow
@each_lesson
def test_an_untouched_lesson_can_be_run_whole(lesson: str) -> None:
    """Nothing is solved: all cells run, and say what is missing."""
    notebook = run(lesson, with_solutions=False)
    assert errors(notebook) == {}
    cells = by_id(notebook)
    for exercise in exercises(lesson):
        check = cells[f"{dashed(exercise)}-check"]
        values = [float(o.data["text/plain"]) for o in check.outputs if o.output_type == "execute_result"]
        assert values == ([] if exercise.questions else [0]), exercise.name
        assert "✗" in said(check)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "reveal" in cell.metadata.get("tags", []):
            assert "Not committed yet" in said(cell)
    assert any("Finish exercise" in said(cell) for cell in notebook.cells if cell.cell_type == "code")
