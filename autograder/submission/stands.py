"""What a grade stands on: named things, each with its own digest, so that every change has one reason.

A verdict stands on six of them. The question of what people mark is the seventh: where it has changed,
nobody's code runs again. Due dates, extensions and the late policy have no digest: the gradebook has them,
and each run computes the penalties anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from autograder.engine.intake import DEMO
from autograder.engine.ours import rules_of, text_of
from autograder.taught import TAGS

Stands = Mapping[str, str]
VERDICT = ("submission", "master", "exercise", "points", "secret", "versions")
QUESTION = "question"


def digest(what: object) -> str:
    """A name for something that JSON can say."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def changed(before: Stands, now: Stands) -> str:
    """The first thing that is another than before, as an instructor calls it; empty where nothing is."""
    name = next((name for name in (*VERDICT, QUESTION) if before.get(name) != now[name]), "")
    return "master" if name == QUESTION else name


def holds(before: Stands, now: Stands) -> bool:
    """Whether a verdict still counts."""
    return all(before.get(name) == now[name] for name in VERDICT)


def of_master(cells: Sequence[Any]) -> str:
    """What grading takes of a master: its cells' names and kinds, and what executes. No text."""
    taken: list[object] = []
    for cell in cells:
        rules, tags = rules_of(cell), sorted(cell["metadata"].get("tags", ()))
        if "grade_id" in rules:
            flags = [bool(rules.get(flag)) for flag in ("grade", "solution", "task")]
            code = cell["cell_type"] == "code"
            runs = text_of(cell) if code and not any(flags) else ""
            row = [rules["grade_id"], cell.get("id"), cell["cell_type"], flags, runs]
            taken.append([*row, tags if code else []])
        elif DEMO in tags and not set(TAGS.values()) & set(tags):
            taken.append([DEMO, cell.get("id")])
    return digest(taken)


def of_questions(cells: Sequence[Any]) -> str:
    """What is asked in the graded cells, and for how many points."""
    return digest([one.asked for one in graded(cells)])


def of_answers(cells: Sequence[Any]) -> dict[str, str]:
    """What a mark by hand stands on, for each graded cell of a notebook: answer, question and points."""
    return {one.name: digest([one.asked, one.answer]) for one in graded(cells)}


class Graded(NamedTuple):
    """A graded cell: what it asks for how many points, and the cells in which it was answered."""

    name: str
    kind: str
    points: float
    question: str
    answers: Sequence[Any]

    @property
    def asked(self) -> list[object]:
        return [self.name, self.kind, self.points, self.question]

    @property
    def answer(self) -> str:
        return "\n".join(map(text_of, self.answers))


def graded(cells: Sequence[Any]) -> Iterator[Graded]:
    """Each graded cell, in the order of the notebook.

    A person marks an answer to the question in the locked text above it. A check cell's answer is the
    solution cell of its exercise; a task's, the learner's cells below it.
    """
    ours = [place for place, cell in enumerate(cells) if "grade_id" in rules_of(cell)]
    named = {rules_of(cells[place])["grade_id"]: cells[place] for place in ours}
    for number, place in enumerate(ours):
        cell, rules = cells[place], rules_of(cells[place])
        name = str(rules["grade_id"])
        if not (rules.get("grade") or rules.get("task")):
            continue
        above, question = cells[ours[number - 1]] if number else None, ""
        if above is not None and _is_text(above) and (cell["cell_type"] != "code" or rules.get("solution")):
            question = text_of(above)
        if rules.get("task"):
            following = [*ours, len(cells)][number + 1]
            answers = cells[place + 1 : following]
        else:
            solution = named.get(name if rules.get("solution") else name.removesuffix("_check"))
            answers = [solution] if solution is not None else []
        yield Graded(name, cell["cell_type"], float(rules.get("points") or 0), question, answers)


def _is_text(cell: Any) -> bool:
    rules = rules_of(cell)
    return cell["cell_type"] == "markdown" and not any(rules.get(f) for f in ("grade", "solution", "task"))
