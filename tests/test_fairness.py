"""The grader is fair: right answers pass, wrong ones do not, and each mistake gets its own sentence."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
import torch

import fairness
from autograder.answers import answers
from autograder.exercises import EXERCISES
from autograder.keys.making import rerun
from autograder.keys.secret import secret_key
from course_root import KEYS, SECRET
from generated import generated
from oracle import float64, verdict
from sumskip.checking.core import Report
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe

_LITERALS = [name for name, exercise in EXERCISES.items() if exercise.kind == "literals"]


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_are_enough_answers() -> None:
    """At least 60 right and 120 wrong ones, and both to every exercise."""
    right = [a for a in answers() if a.right]
    assert len(right) >= 60
    assert len(answers()) - len(right) >= 120
    assert {a.exercise for a in right} == {a.exercise for a in answers() if not a.right} == set(EXERCISES)


def _sentences(exercise: str) -> list[tuple[str, str]]:
    choices = [(name, said) for question in EXERCISES[exercise].questions for _, name, said in question.wrong]
    return [(known.id, known.sentence) for known in EXERCISES[exercise].wrong] + choices


@pytest.mark.parametrize("exercise", EXERCISES)
def test_sentences_sound_as_feedback_should(exercise: str) -> None:
    """At most 30 words, no exclamation mark, no guess at what somebody believes or forgot."""
    found = _sentences(exercise)
    assert found
    for name, sentence in found:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert len(sentence.split()) <= 30, sentence
        assert sentence.endswith((".", "?")), sentence
        assert not re.search(
            r"!|\byou (believe|think|forgot)|\b(great|sorry|oops|simply|obviously)\b", sentence, re.I
        )
        assert sentence.count("`") % 2 == 0, sentence


def _judged(exercise: str, answer: Any) -> Report:
    return judge(public_key(exercise), lambda case: probe(answer, case), lambda c, w: rerun(exercise, c, w))


@pytest.mark.parametrize("exercise", _LITERALS)
def test_each_wrong_choice_receives_its_own_sentence(exercise: str) -> None:
    """Every wrong choice we know is refused, with its own words."""
    key = secret_key(exercise, SECRET, KEYS)
    for question in EXERCISES[exercise].questions:
        for value, name, sentence in question.wrong:
            answer = {**EXERCISES[exercise].answer, question.name: value}
            report = judge(key, lambda case, answer=answer: probe(answer, case))
            assert report.status == "failed"
            if report.diagnosis != "form":  # a pair, where one number was asked, is refused for its form
                assert report.diagnosis == name
                assert sentence in report.message


@pytest.mark.slow
def test_generated_answers() -> None:
    """Answers put together by chance, operator by operator, are judged as the oracle judges them."""
    complaints = []
    for answer in generated(seed=1, count=60):
        wrong = verdict(answer)
        assert (wrong is None) == answer.right, f"{answer.name}: {wrong}\n{answer.source}"
        bound = answer.bound()
        report = fairness.grade_exercise(answer.exercise, lambda case, b=bound: probe(b, case), SECRET, KEYS)
        if (report.status == "passed") != answer.right:
            complaints.append(f"{answer.name} ({report.status}, {report.message}):\n{answer.source}")
    assert not complaints, "\n".join(complaints)


def test_every_name_has_a_claim() -> None:
    """Of each diagnosis it is said when it is true."""
    assert fairness.unknown_names(fairness.GRAMMARS) == []


@pytest.mark.slow
@pytest.mark.parametrize("exercise", fairness.GRAMMARS)
def test_programs_are_right_and_wrong(exercise: str) -> None:
    """Chance draws both, the same ones for the same seed, and no source disagrees with its meaning."""
    draw, find_out, _ = fairness.GRAMMARS[exercise]
    programs = [draw(exercise, random.Random(f"5/{exercise}/{i}"), str(i)) for i in range(40)]
    assert programs[7].source == draw(exercise, random.Random(f"5/{exercise}/7"), "7").source
    with float64():
        right = [find_out(program).wrong is None for program in programs]
    assert 8 <= sum(right) <= 28


@pytest.mark.slow
def test_the_same_answer_gets_the_same_report() -> None:
    """On every run, and with one thread or two."""
    for name in ("plain", "lerp", "reversed", "almost"):
        for answer in answers():
            if answer.name == name and answer.exercise in ("addition_model", "weighted_addition_model"):
                reports = []
                for threads in (1, 2, 1):
                    torch.set_num_threads(threads)
                    torch.manual_seed(threads)
                    reports.append(_judged(answer.exercise, answer.bound()))
                assert reports[0] == reports[1] == reports[2]
