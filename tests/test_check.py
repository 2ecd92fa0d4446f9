"""`check` in a notebook: what it shows, returns and raises."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor, nn

from autograder.exercises import EXERCISES
from sumskip.checking.check import CheckFailed, _last, check, hints
from sumskip.checking.core import PartResult, Report
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe
from sumskip.checking.report import report_html, report_text

SHOWN: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What `check` displayed, instead of a notebook."""
    SHOWN.clear()
    _last.clear()
    monkeypatch.delenv("NBGRADER_VALIDATING", raising=False)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: SHOWN.append(data))
    return SHOWN


class Averaged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 16, 3, padding=1)
        self.two = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return (out1 + self.two(out1)) / 2


class Empty(nn.Module):
    def __init__(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("name", EXERCISES)
def test_it_returns_a_plain_finite_float(name: str) -> None:
    """nbgrader reads the value of the cell: nothing but a float will do. Predictions have none to show."""
    for answer in (EXERCISES[name].answer, None):
        points = check(name, answer)
        if EXERCISES[name].questions:
            assert points is None
            continue
        assert type(points) is float
        assert math.isfinite(points)
        assert 0 <= points <= EXERCISES[name].points


def test_it_shows_text_and_html(shown: list[dict[str, str]]) -> None:
    check("addition_model", Averaged)
    (data,) = shown
    assert set(data) == {"text/plain", "text/html"}
    for form in data.values():
        assert "Not yet: addition_model" in form
        assert "expected [" in form


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'addition_model'"):
        check("additon_model", Averaged)
    with pytest.raises(ValueError, match=r"there are .*predict_flow"):
        check("xyzzy", Averaged)


def test_validating_raises_the_sentence_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    with pytest.raises(CheckFailed) as caught:
        check("addition_model", Averaged)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert "\n" not in str(caught.value)
    assert SHOWN == []
    assert check("addition_model", EXERCISES["addition_model"].answer) == 8.0


def test_validating_shows_one_line_in_ipython(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """IPython prints our line alone, without a call stack of ours."""
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    shell = InteractiveShell()
    shell.user_ns |= {"check": check, "Averaged": Averaged}
    result = shell.run_cell('check("addition_model", Averaged)')
    assert isinstance(result.error_in_exec, CheckFailed)
    assert "Traceback" not in capsys.readouterr().out


def test_the_same_mistake_again_opens_the_next_hint(shown: list[dict[str, str]]) -> None:
    for _ in range(3):
        check("addition_model", Averaged)
    opened = [data["text/plain"].count("Hint ") for data in shown]
    assert opened == [0, 1, 2]
    check("addition_model", Empty)
    assert "Hint " not in shown[-1]["text/plain"]


def test_hints_are_there_on_demand_one_at_a_time(shown: list[dict[str, str]]) -> None:
    check("addition_model", Averaged)
    assert shown[0]["text/html"].count("<details") == 1
    assert "<details open" not in shown[0]["text/html"]


class Doubled(Averaged):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.one(x)
        return torch.cat([out1, self.two(out1)], dim=1)


def test_the_hint_that_belongs_to_the_diagnosis_comes_first(shown: list[dict[str, str]]) -> None:
    ladder = [hint.text for hint in EXERCISES["addition_model"].hints]
    for answer, belongs in ((Doubled, 2), (Averaged, 0)):
        check("addition_model", answer)
        check("addition_model", answer)
        assert f"Hint 1: {ladder[belongs]}" in shown[-1]["text/plain"]


@pytest.mark.parametrize("name", [name for name, exercise in EXERCISES.items() if exercise.hints])
def test_hints_can_be_read_before_anything_fails(name: str) -> None:
    """All of them, each closed, from the idea to nearly the code; every one belongs to some diagnosis."""
    ladder = EXERCISES[name].hints
    data = hints(name)._repr_mimebundle_()
    assert data["text/html"].count("<details>") == len(ladder) >= 2
    assert "open" not in re.findall(r"<details[^>]*>", data["text/html"])[0]
    assert [line.split(": ", 1)[1] for line in data["text/plain"].splitlines()] == [h.text for h in ladder]
    assert all(hint.helps for hint in ladder)


def test_predictions_have_no_hints() -> None:
    with pytest.raises(ValueError, match="'predict_flow' has no hints: it asks what you expect"):
        hints("predict_flow")


def test_an_untouched_exercise_says_what_to_do() -> None:
    check("addition_model", Empty)
    assert "replace `raise NotImplementedError`" in SHOWN[0]["text/plain"]


def test_predictions_are_not_given_away(shown: list[dict[str, str]]) -> None:
    """Right and wrong predictions look the same in the notebook: committed, without points and parts."""
    right = EXERCISES["predict_flow"].answer
    wrong = {**right, "double_then_add": 18}
    check("predict_flow", right)
    check("predict_flow", wrong)
    assert shown[0] == shown[1]
    for form in shown[0].values():
        assert "✓ Committed: predict_flow" in form
        assert not re.search(r"\bpoints?\b|\b6\b|double_then_add|<table", form)


def test_predictions_that_are_not_all_there_are_not_committed(shown: list[dict[str, str]]) -> None:
    """Which of them, and in what form they are expected; no points, no rows."""
    check("predict_flow", {**EXERCISES["predict_flow"].answer, "add_then_double": None, "which_leaves": 2})
    for form in shown[0].values():
        assert "✗ Not committed yet: predict_flow" in form
        assert "add_then_double: no answer yet; expected a number" in form
        assert not re.search(r"\bpoints?\b|<table|double_then_add: ", form)
    assert "which_leaves: expected one of" in shown[0]["text/plain"]


@pytest.mark.parametrize("name", [name for name, exercise in EXERCISES.items() if exercise.questions])
@pytest.mark.parametrize("unclear", [0, 1, 99])
def test_a_prediction_is_about_no_points_until_it_is_graded(name: str, unclear: int) -> None:
    """Whatever is made of the report: a wrong number beside "1.5 of 1.5" would look right."""
    exercise = EXERCISES[name]
    guess = {question.name: question.wrong[0][0] for question in exercise.questions if question.wrong}
    given = {**exercise.answer, **guess, **dict.fromkeys(list(exercise.answer)[:unclear])}
    report = judge(public_key(name), lambda case: probe(given, case))
    assert (report.score, report.max_score, report.parts) == (0.0, 0.0, ())
    for shown in (report_text(report), report_html(report, 3), repr(report.to_json())):
        assert not re.search(r"\d(\.\d+)? ?(of|/) ?\d|\bpoints?\b|<table", shown)
    assert check(name, given) is None


@pytest.mark.parametrize("name", [name for name, exercise in EXERCISES.items() if exercise.questions])
def test_validate_fails_until_predictions_are_committed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards it is silent about right and wrong."""
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    with pytest.raises(CheckFailed, match=f"{name}: .*no answer yet"):
        check(name, dict.fromkeys(EXERCISES[name].answer))
    for question in EXERCISES[name].questions:
        for value, _, _ in question.wrong:
            if not isinstance(value, tuple) or "shape" in question.form:
                check(name, {**EXERCISES[name].answer, question.name: value})


@pytest.mark.parametrize(
    ("value", "words"),
    [("(1, 32)", "a tuple of integers"), (True, "a tuple of integers"), ((1, 2.5), "a tuple of integers")],
)
def test_the_form_of_a_prediction_is_said(value: Any, words: str) -> None:
    check("predict_flow", {**EXERCISES["predict_flow"].answer, "shape_3_16_32": value})
    assert words in SHOWN[0]["text/plain"]


def test_a_shape_may_be_a_size_a_list_or_a_tuple() -> None:
    for shape in (torch.Size([1, 32, 32, 32]), [1, 32, 32, 32], (1, 32, 32, 32)):
        check("predict_flow", {**EXERCISES["predict_flow"].answer, "shape_3_16_32": shape})
        assert "✓ Committed" in SHOWN.pop()["text/plain"]


def test_nothing_of_a_learners_becomes_markup() -> None:
    """Error texts and names end as text, never as HTML."""
    evil = "<img src=x onerror=alert(1)> & `<b>`"
    report = Report(
        evil, 0.0, 1.0, "failed", evil, details=(evil,), parts=(PartResult(evil, 0, 1),), hints=(evil,)
    )
    html = report_html(report, 1)
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img" in html
    assert evil in report_text(report)
