"""The grader, graded: submits every answer of `tests/answers` and prints how it fared.

    make fairness        or        python tests/fairness.py [EXERCISE …] [-v]

Whether an answer is right is the oracle's word (`tests.oracle`), never the judge's. Each is asked twice:
with the secret key, as when grading, and with the public one, as in the notebook. Ends with status 1
unless all right ones are accepted, all wrong ones refused, none is given a wrong name, and 90 % of the
wrong ones that have a name (those headed `-> none` have none) get it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch

import course_root  # before what it makes importable
from answers import Answer, answers
from autograder.exercises import EXERCISES
from autograder.submission.grading import grade_exercise
from oracle import verdict
from sumskip.checking.core import Report
from sumskip.checking.judge import judge
from sumskip.checking.key import public_key
from sumskip.checking.probe import probe

NAMED_AT_LEAST = 0.9


@dataclass(frozen=True)
class Outcome:
    """How one answer fared."""

    answer: Answer
    oracle: str | None  # what is wrong with it, by the oracle
    graded: Report
    checked: Report | None  # None for literals, whose check looks at the form alone

    @property
    def accepted(self) -> bool:
        """Graded with full marks; the notebook may leave a construction to the grader, but not refuse it."""
        return self.graded.status == "passed" and (self.checked is None or self.checked.status != "failed")

    @property
    def refused(self) -> bool:
        """Graded as wrong; again the notebook may say nothing, but not that it is right."""
        return self.graded.status == "failed" and (self.checked is None or self.checked.status != "passed")

    @property
    def named(self) -> bool:
        return self.graded.diagnosis is not None and self.graded.diagnosis in self.answer.diagnoses

    @property
    def misnamed(self) -> bool:
        reports = [self.graded, *([self.checked] if self.checked else [])]
        return any(r.diagnosis is not None and r.diagnosis not in self.answer.diagnoses for r in reports)

    @property
    def complaint(self) -> str:
        """What must not be, in one line; empty where all is well."""
        if (self.oracle is None) != self.answer.right:
            return f"the oracle says {self.oracle or 'right'}"
        if self.answer.right and not self.accepted:
            return f"right, but {self._said()}"
        if not self.answer.right and not self.refused:
            return f"wrong ({self.oracle}), but {self._said()}"
        if self.misnamed:
            expected = " | ".join(sorted(str(d) for d in self.answer.diagnoses))
            return f"named {self._names()}, expected {expected}"
        return ""

    def _names(self) -> str:
        return " / ".join(str(r.diagnosis) for r in (self.graded, self.checked) if r)

    def _said(self) -> str:
        both = [r for r in (self.graded, self.checked) if r]
        return " / ".join(r.status for r in both) + ": " + " / ".join(dict.fromkeys(r.message for r in both))


def submit(answer: Answer) -> Outcome:
    """Ask the oracle, the grader and the notebook's check about one answer."""
    torch.set_num_threads(1)
    try:
        bound = answer.bound()
    except Exception as error:  # a cell that fails binds nothing
        raise ValueError(f"{answer.id} does not even run as a cell: {error!r}") from error
    graded = grade_exercise(
        answer.exercise,
        lambda case: probe(bound, case),
        course_root.SECRET,
        course_root.KEYS,
        for_committing=False,  # right or wrong is what is looked at here
    )
    checked = None
    if EXERCISES[answer.exercise].kind != "literals":
        checked = judge(public_key(answer.exercise), lambda case: probe(bound, case))
    return Outcome(answer, verdict(answer), graded, checked)


def _submit_all(exercise: str) -> list[Outcome]:
    return [submit(answer) for answer in answers() if answer.exercise == exercise]


def outcomes(exercises: Iterable[str] = tuple(EXERCISES), jobs: int = 2) -> list[Outcome]:
    """Every answer to these exercises, submitted; an exercise a process, the largest first."""
    count = {e: sum(a.exercise == e for a in answers()) for e in exercises}
    ordered = sorted(count, key=lambda e: -count[e])
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        made = dict(zip(ordered, pool.map(_submit_all, ordered), strict=True))
    return [outcome for exercise in count for outcome in made[exercise]]


def table(found: list[Outcome]) -> str:
    """The counts per exercise and in all, as text."""
    lines = [f"{'':26}{'right':>7}{'accepted':>10}{'wrong':>8}{'refused':>9}{'named':>7}{'misnamed':>10}"]
    for exercise in [*dict.fromkeys(o.answer.exercise for o in found), ""]:
        some = [o for o in found if exercise in ("", o.answer.exercise)]
        right = [o for o in some if o.answer.right]
        wrong = [o for o in some if not o.answer.right]
        lines.append(
            f"{exercise or 'all':26}{len(right):7}{sum(o.accepted for o in right):10}{len(wrong):8}"
            f"{sum(o.refused for o in wrong):9}{sum(o.named for o in wrong):7}"
            f"{sum(o.misnamed for o in some):10}"
        )
    return "\n".join(lines)


def share_named(found: list[Outcome]) -> float:
    """Of the wrong answers that have a name (some were written to have none), the share that got it."""
    known = [o for o in found if not o.answer.right and o.answer.diagnoses != {None}]
    return sum(o.named for o in known) / max(len(known), 1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python tests/fairness.py", description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="only these (default: all)")
    parser.add_argument("-v", "--verbose", action="store_true", help="list the wrong answers without a name")
    chosen = parser.parse_args(arguments)
    start = time.perf_counter()
    found = outcomes(chosen.exercises or EXERCISES)
    print(table(found))
    share = share_named(found)
    print(f"{share:.1%} of the wrong answers with a name got it, in {time.perf_counter() - start:.0f} s")
    complaints = [(o.answer.id, o.complaint) for o in found if o.complaint]
    for answer, complaint in complaints:
        print(f"  {answer}: {complaint}")
    if chosen.verbose:
        for o in found:
            if not o.answer.right and o.graded.diagnosis is None and o.answer.diagnoses != {None}:
                print(f"  {o.answer.id}: not named; {o.graded.message}")
    return 1 if complaints or share < NAMED_AT_LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
