"""Predict, commit, reveal: what learners get, see and earn, and what a course can set."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from autograder.__main__ import main
from autograder.exercises import EXERCISES, LESSONS
from autograder.keys.secret import secret_key
from autograder.release import release
from autograder.settings import SettingError, read_settings
from autograder.submission.grading import grade_exercise
from course_root import KEYS, ROOT, SECRET
from grading_course import answered, autograder, hand_in, make_course, release_notebooks
from sumskip import reveal
from sumskip.checking.core import Report
from sumskip.checking.key import from_bytes, public_key
from sumskip.checking.predictions import form
from sumskip.checking.probe import probe
from sumskip.checking.probing.prepare import plain
from sumskip.checking.report import report_text

NAMES = [name for name, exercise in EXERCISES.items() if exercise.questions]
SETTINGS = {"committing": "reveal", "being right": "right-or-wrong-later"}
each_exercise = pytest.mark.parametrize("name", NAMES)


def graded(name: str, answer: Any, for_committing: bool = True) -> Report:
    return grade_exercise(name, lambda case: probe(answer, case), SECRET, KEYS, for_committing=for_committing)


def known_wrong(name: str) -> list[tuple[dict[str, Any], str, str, str]]:
    """(predictions, question, belief, sentence) for each wrong value that we know and whose form is right."""
    answer = EXERCISES[name].answer
    return [
        ({**answer, question.name: value}, question.name, belief, sentence)
        for question in EXERCISES[name].questions
        for value, belief, sentence in question.wrong
        if form(question, plain(value)) is None
    ]


def set_points_for(root: Path, setting: str) -> None:
    (root / "course.toml").write_text(f'[predictions]\npoints-for = "{setting}"\n', encoding="utf-8")


# --- the reveal -----------------------------------------------------------------------------------------


@each_exercise
def test_each_wrong_guess_stands_beside_the_truth_with_its_sentence(name: str) -> None:
    truth = EXERCISES[name].answer
    for predictions, question, _, sentence in known_wrong(name):
        shown = reveal(name, predictions, truth)._repr_mimebundle_()
        different = [line for line in shown["text/plain"].splitlines() if line.startswith("≠")]
        assert len(different) == 1
        assert different[0].startswith(f"≠ {question}: you predicted ")
        assert sentence in shown["text/plain"]
        assert shown["text/html"].count("≠") == 1
        assert shown["text/html"].count("= as you predicted") == len(truth) - 1


@each_exercise
def test_what_nobody_foresaw_is_set_beside_the_truth_and_not_explained(name: str) -> None:
    question, truth = EXERCISES[name].questions[0], EXERCISES[name].answer
    odd = {"number": -731, "integer": 731, "shape": (7, 3, 1), "shape or error": (7, 3, 1)}
    if question.form in odd:
        said = str(reveal(name, {**truth, question.name: odd[question.form]}, truth))
        assert f"≠ {question.name}: you predicted {odd[question.form]}" in said
        assert "is not what happens." in said


@each_exercise
@pytest.mark.parametrize("missing", ["one", "all", "no dict"])
def test_nothing_is_revealed_before_all_is_committed(name: str, missing: str) -> None:
    answer = EXERCISES[name].answer
    partly = {**answer, next(iter(answer)): None}
    given = {"one": partly, "all": dict.fromkeys(answer), "no dict": 5}[missing]
    shown = reveal(name, given, {question: f"truth-{i}" for i, question in enumerate(answer)})
    for text in shown._repr_mimebundle_().values():
        assert "Not committed yet" in text
        assert "truth-" not in text


def test_tensors_stand_for_their_number_or_their_shape() -> None:
    truth = {
        "double_then_add": torch.tensor(13.0),
        "add_then_double": torch.tensor(16),
        "shape_3_16_32": torch.zeros(1, 32, 32, 32),
        "which_leaves": "second",
    }
    said = str(reveal("predict_flow", {**EXERCISES["predict_flow"].answer, "double_then_add": 13.0}, truth))
    assert "≠" not in said
    assert "it is 13." in said
    assert "it is (1, 32, 32, 32)." in said


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_runs_what_was_predicted_and_finds_what_the_key_holds(lesson: str) -> None:
    """The truth comes from the cell that runs, and it is the answer that grading uses."""
    cells = nbformat.read(ROOT / "notebooks" / lesson / f"{lesson}.ipynb", as_version=4).cells
    space: dict[str, Any] = {}
    found = []
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or ("demo" in tags and "reveal" not in tags):
            continue
        if "check(" in cell.source and cell.metadata.get("nbgrader", {}).get("grade"):
            continue
        source = cell.source
        if "reveal" in tags:
            body = ast.parse(source).body
            source = ast.unparse(ast.Module(body[:-1], []))
            exec(source, space)
            found.append(eval(ast.unparse(body[-1]), space))
        else:
            exec(source, space)
    assert [len(shown.rows) for shown in found] == [
        len(EXERCISES[name].questions) for name in NAMES if EXERCISES[name].assignment == lesson
    ]
    assert all("≠" not in str(shown) for shown in found)


# --- points and beliefs ---------------------------------------------------------------------------------


@each_exercise
def test_by_default_committing_earns_the_points_and_the_belief_is_kept(name: str) -> None:
    for predictions, question, belief, sentence in known_wrong(name):
        report = graded(name, predictions)
        assert (report.status, report.score) == ("passed", EXERCISES[name].points)
        assert report.diagnosis == belief
        assert sentence in report.message
        assert report.beliefs == {**dict.fromkeys(EXERCISES[name].answer, "right"), question: belief}
        assert report_text(report).startswith(f"✓ Committed: {name}")
    assert report_text(graded(name, EXERCISES[name].answer)).startswith(f"✓ All right: {name}")


@each_exercise
def test_where_being_right_counts_the_same_belief_costs_its_points(name: str) -> None:
    for predictions, _, belief, _ in known_wrong(name):
        report = graded(name, predictions, for_committing=False)
        assert report.status == "failed"
        assert 0 < report.score < EXERCISES[name].points
        assert report.diagnosis == belief


@each_exercise
def test_what_is_not_committed_earns_nothing(name: str) -> None:
    """A missing answer costs its own points, and is no belief."""
    answer = EXERCISES[name].answer
    first = next(iter(answer))
    report = graded(name, {**answer, first: None})
    assert report.status == "failed"
    assert report.score == pytest.approx(EXERCISES[name].points * (1 - 1 / len(answer)), abs=0.01)
    assert first not in report.beliefs
    said = [
        part.title.removeprefix(f"{question}: ") for part, question in zip(report.parts, answer, strict=True)
    ]
    assert said == ["not committed", *["committed"] * (len(answer) - 1)]
    assert graded(name, dict.fromkeys(answer)).score == 0


def test_the_secret_key_alone_holds_answers() -> None:
    for name in NAMES:
        assert all(question.answer is None for question in public_key(name).questions)
        assert all(question.answer is not None for question in secret_key(name, SECRET, KEYS).questions)


# --- what learners get, and the setting of the course ---------------------------------------------------


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course root that a release can be made of."""
    root = make_course(tmp_path / "course")
    for name in ("src", "binder"):
        (root / name).symlink_to(ROOT / name)
    for name in ("constraints.txt", "environment.yml", "LICENSE", "pyproject.toml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    return root


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_learners_get_a_dict_of_none_and_the_cells_of_one_setting(course: Path, setting: str) -> None:
    set_points_for(course, setting)
    with (course / "course.toml").open("a") as settings:
        settings.write("[points]\nwhat_trains = 3\ntiny_resnet = 0\n")
    made = release(course)
    for lesson in LESSONS:
        cells = nbformat.read(made / lesson / f"{lesson}.ipynb", as_version=4).cells
        tags = {tag for cell in cells for tag in cell.metadata.get("tags", [])}
        assert tags & set(SETTINGS.values()) == {SETTINGS[setting]}
        for cell in cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name not in NAMES:
                continue
            (statement,) = ast.parse(cell.source).body
            assert isinstance(statement, ast.Assign)
            assert ast.literal_eval(statement.value) == dict.fromkeys(EXERCISES[name].answer)
            assert "YOUR CODE HERE" not in cell.source
            assert "below" not in cell.source
    for name in NAMES:
        key = from_bytes((made / "src" / "sumskip" / "keys" / f"{name}.npz").read_bytes())
        assert all(question.answer is None for question in key.questions)
        assert any(question.wrong for question in key.questions) == (setting == "committing")
    keys = {path.stem: from_bytes(path.read_bytes()) for path in made.glob("src/sumskip/keys/*.npz")}
    worth = {name: exercise.points for name, exercise in EXERCISES.items()}
    assert {name: key.points for name, key in keys.items()} == {**worth, "what_trains": 3, "tiny_resnet": 0}


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_setting_decides_what_a_wrong_prediction_is_worth(tmp_path: Path, setting: str) -> None:
    """From the notebook as released to the JSON of `check`; the belief is named either way."""
    root = make_course(tmp_path / "course")
    set_points_for(root, setting)
    with (root / "course.toml").open("a") as settings:
        settings.write("[points]\npredict_flow = 9\nsequential_model = 0\n")
    released = release_notebooks(root, (LESSONS[0],))[LESSONS[0]]
    guess = {**EXERCISES["predict_flow"].answer, "double_then_add": 18, "add_then_double": 18}
    file = hand_in(
        root, "ana", LESSONS[0], answered(released, {"predict_flow": f"predictions_flow = {guess}"})
    )
    done = autograder(root, "check", str(file), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["max_score"] for one in said["exercises"]] == [9, 0, 8]
    found = said["exercises"][0]
    expected = {"committing": (9.0, "passed"), "being right": (4.5, "failed")}[setting]
    assert (found["score"], found["status"]) == expected
    assert found["diagnosis"] == "adds"
    assert "18 is 10 + 8" in found["message"]


@pytest.mark.parametrize("command", ["release", "check", "grade"])
def test_a_setting_that_does_not_exist_is_refused_in_one_line(
    command: str, course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_points_for(course, "luck")
    with pytest.raises(SettingError):
        read_settings(course)
    monkeypatch.chdir(course)
    assert main([command, *(["x.ipynb"] if command == "check" else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"autograder {command}: ")
    assert err.endswith('expects "committing" or "being right"; \'luck\' came\n')
    assert err.count("\n") == 1
