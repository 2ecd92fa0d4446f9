"""The grader, graded: submits every answer of `autograder/answers`, then programs that chance puts together.

    make fairness        or        python tests/fairness.py [EXERCISE …] [--programs N] [--seed S] [-v]

Whether an answer is right is the oracle's word (`tests.oracle`), never the judge's. Each is asked twice:
with the secret key, as when grading, and with the public one, as in the notebook. Ends with status 1
unless all right ones are accepted, all wrong ones refused, none is given a wrong name, and 90 % of the
wrong ones that have a name (those headed `-> none` have none) get it.

Programs (`tests.programs`) have an oracle of their own, and claims (`tests.naming`) say which names are true
of them. They are judged with a secret key that the seed decides; a right one must pass, no wrong one may, and
no name may be false. What fails is printed with its seed and its source, to be pasted into a notebook; where
this harness itself stops, that is a failure as well.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from typing import Any

import torch

import course_root  # before what it makes importable
import naming
import programs_functions
import programs_models
from autograder.answers import Answer, answers
from autograder.exercises import EXERCISES
from autograder.keys.making import rerun
from autograder.keys.secret import secret_key
from autograder.submission.grading import grade_exercise, remembered
from oracle import float64, verdict
from programs import Facts
from sumskip.checking.core import Case, Observation, Report
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
    seen: dict[str, Observation] = {}

    def ask(case: Case) -> Observation:
        """The same answer to the same question: what is wrong is asked the public ones twice."""
        asked = json.dumps(case.to_json())
        if asked not in seen:
            seen[asked] = probe(bound, case)
        return seen[asked]

    graded = grade_exercise(
        answer.exercise,
        ask,
        course_root.SECRET,
        course_root.KEYS,
        for_committing=False,  # right or wrong is what is looked at here
    )
    checked = None
    if EXERCISES[answer.exercise].kind != "literals":
        checked = judge(public_key(answer.exercise), ask)
    return Outcome(answer, verdict(answer), graded, checked)


def outcomes(exercises: Collection[str] = tuple(EXERCISES), jobs: int = 2) -> list[Outcome]:
    """Every answer to these exercises, submitted."""
    some = [answer for answer in answers() if answer.exercise in exercises]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        _make_keys(pool, exercises, course_root.SECRET)
        return list(pool.map(submit, some, chunksize=8))


def _make_keys(pool: ProcessPoolExecutor, exercises: Iterable[str], secret: bytes) -> None:
    """Make the keys that are not kept yet, each once, before every process asks for them."""
    list(pool.map(_make_key, exercises, repeat(secret)))


def _make_key(exercise: str, secret: bytes) -> None:
    torch.set_num_threads(1)
    secret_key(exercise, secret, course_root.KEYS)


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


# --- programs ---------------------------------------------------------------------------------------

# Of an exercise's programs: how one is drawn, what is found out about it, and how many in a hundred are of
# it: few blocks and networks, which cost most.
GRAMMARS: dict[str, tuple[Callable[[str, random.Random, str], Any], Callable[[Any], Any], float]] = {
    "sequential_model": (programs_models.addition, Facts, 14),
    "intermediate_outputs": (programs_functions.outputs, programs_functions.OutputsFacts, 20),
    "repair_addition": (programs_models.addition, Facts, 8),
    "addition_model": (programs_models.addition, Facts, 14),
    "projected_addition_model": (programs_models.addition, Facts, 9),
    "weighted_addition_model": (programs_models.addition, Facts, 10),
    "fit_alpha": (programs_functions.fit, programs_functions.FitFacts, 18),
    "identity_block": (programs_models.block, Facts, 4),
    "residual_block": (programs_models.block, Facts, 1.5),
    "tiny_resnet": (programs_models.network, Facts, 1.5),
}
_SHOWN = 3  # failures of one kind that are printed with their source


@dataclass(frozen=True)
class Tried:
    """How one program fared: the oracle's word, the names that would be true, and what was said to it."""

    exercise: str
    seed: str
    source: str
    report: Report
    wrong: str | None = None
    true: frozenset[str] = frozenset()
    false_name: bool = False
    fault: str = ""  # where this harness itself stopped

    @property
    def complaint(self) -> str:
        """What must not be, in a word; empty where all is well."""
        if self.fault:
            return f"no verdict ({self.fault})"
        if self.wrong is None and self.report.status != "passed":
            return "refused"
        if self.wrong is not None and self.report.status == "passed":
            return "fooled"
        return "false name" if self.false_name else ""


def passes(exercise: str, answer: Any, secret: bytes = course_root.SECRET) -> bool:
    """Whether it gets full marks. What one case refuses, with biases or without, all of them would."""
    key = secret_key(exercise, secret, course_root.KEYS)
    ask = remembered(lambda case: probe(answer, case))
    few = tuple({case.biases: case for case in reversed(key.cases)}.values())
    for some in (replace(key, cases=few), key):
        report = judge(some, ask, lambda case, weights: rerun(exercise, case, weights))
        if report.status != "passed":
            return False
    return True


def try_program(exercise: str, seed: str, secret: bytes) -> Tried:
    """Draw one program, ask the oracle about it, and then the judge: the secret key whether it is right, and
    the public one why it is not."""
    draw, find_out, _ = GRAMMARS[exercise]
    program = draw(exercise, random.Random(seed), seed)
    bound = program.bound()
    report = Report(exercise, 1.0, 1.0, "passed", "")
    if not passes(exercise, bound, secret):
        key, ask = public_key(exercise), lambda case: probe(bound, case)
        shown = judge(key, ask, lambda case, weights: rerun(exercise, case, weights))
        report = replace(shown, status="failed")
    sentences = {(known.id, known.sentence) for known in EXERCISES[exercise].wrong}
    this = Tried(exercise, seed, program.source, report)
    with float64():
        try:
            facts = find_out(program)
            true = frozenset(name for name, said in sentences if naming.holds(facts, name, said))
            named = report.diagnosis
            false_name = named is not None and not naming.holds(facts, named, report.message)
        except Exception as error:
            return replace(this, fault=repr(error))
    return replace(this, wrong=facts.wrong, true=true, false_name=false_name)


def _try_all(exercise: str, seeds: list[str], secret: bytes) -> list[Tried]:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [try_program(exercise, seed, secret) for seed in seeds]


def tried(exercises: Iterable[str], count: int, seed: int, jobs: int = 2) -> list[Tried]:
    """`count` programs, spread over these exercises; the dearest first."""
    chosen = [name for name in reversed(GRAMMARS) if name in exercises]
    whole = sum(GRAMMARS[name][2] for name in chosen)
    secret = course_root.SECRET + (f", run {seed}".encode() if seed else b"")  # whose keys are there already
    tasks = []
    for name in chosen:
        seeds = [f"{seed}/{name}/{i}" for i in range(max(1, round(count * GRAMMARS[name][2] / whole)))]
        tasks += [(name, seeds[i : i + 40], secret) for i in range(0, len(seeds), 40)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        _make_keys(pool, chosen, secret)
        return [one for some in pool.map(_try_all, *zip(*tasks, strict=True)) for one in some]


def programs_table(found: list[Tried]) -> str:
    """The counts per exercise and in all, as text; "named" is the share of those that have a true name."""
    head = ("right", "accepted", "wrong", "refused", "false names", "nameable", "named", "of all wrong")
    lines = [f"{'programs':26}" + "".join(f"{word:>13}" for word in head)]
    for exercise in [*dict.fromkeys(t.exercise for t in found), ""]:
        some = [t for t in found if exercise in ("", t.exercise)]
        right = [t for t in some if t.wrong is None]
        wrong = [t for t in some if t.wrong is not None]
        able = [t for t in wrong if t.true]
        named = sum(t.report.diagnosis is not None and not t.false_name for t in wrong)
        of_able = sum(t.report.diagnosis is not None and not t.false_name for t in able)
        counts = (
            *(len(right), sum(t.report.status == "passed" for t in right)),
            *(len(wrong), sum(t.report.status == "failed" for t in wrong)),
            *(sum(t.false_name for t in some), len(able)),
            *(f"{of_able / max(len(able), 1):.0%}", f"{named / max(len(wrong), 1):.0%}"),
        )
        lines.append(f"{exercise or 'all':26}" + "".join(f"{each:>13}" for each in counts))
    return "\n".join(lines)


def programs_complaints(found: list[Tried], most: int = _SHOWN) -> list[str]:
    """The failures, each with its seed; the first few of a kind with their source."""
    lines, shown = [], Counter[tuple[str, str, str | None]]()
    for t in found:
        if not t.complaint:
            continue
        kind = (t.exercise, t.complaint, t.report.diagnosis)
        shown[kind] += 1
        said = f"{t.report.status}, {t.report.diagnosis}: {t.report.message}"
        lines.append(f"  {t.complaint}: {t.seed}: the oracle says {t.wrong or 'right'}; said: {said}")
        if shown[kind] <= most:
            lines.append("\n".join(f"      {line}" for line in t.source.splitlines()))
    return lines


def unknown_names(exercises: Iterable[str]) -> list[str]:
    """The diagnoses about which `tests.naming` says nothing: a gap of this harness."""
    found = []
    for exercise in exercises:
        for known in EXERCISES[exercise].wrong:
            try:
                naming.claim_of(exercise, known.id)
            except naming.Unknown as unknown:
                found.append(str(unknown))
    return sorted(set(found))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python tests/fairness.py", description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="only these (default: all)")
    parser.add_argument("-v", "--verbose", action="store_true", help="list the wrong answers without a name")
    parser.add_argument(
        "--programs", type=int, default=3000, metavar="N", help="how many programs (default: 3000)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="which programs, and which secret (default: 0)"
    )
    parser.add_argument("--only-programs", action="store_true", help="leave out the known answers")
    chosen = parser.parse_args(arguments)
    of = chosen.exercises or list(EXERCISES)
    failed = False if chosen.only_programs else _answers_fail(of, chosen.verbose)
    if chosen.programs and set(of) & set(GRAMMARS):
        failed |= _programs_fail([name for name in of if name in GRAMMARS], chosen)
    return int(failed)


def _programs_fail(exercises: list[str], chosen: argparse.Namespace) -> bool:
    for gap in unknown_names(exercises):
        print(f"  {gap}")
    start = time.perf_counter()
    found = tried(exercises, chosen.programs, chosen.seed)
    print(programs_table(found))
    print(f"{len(found)} programs of seed {chosen.seed}, in {time.perf_counter() - start:.0f} s")
    complaints = programs_complaints(found, most=len(found) if chosen.verbose else _SHOWN)
    print("\n".join(complaints))
    return bool(complaints) or bool(unknown_names(exercises))


def _answers_fail(exercises: list[str], verbose: bool) -> bool:
    start = time.perf_counter()
    found = outcomes(exercises)
    print(table(found))
    share = share_named(found)
    print(f"{share:.1%} of the wrong answers with a name got it, in {time.perf_counter() - start:.0f} s")
    complaints = [(o.answer.id, o.complaint) for o in found if o.complaint]
    for answer, complaint in complaints:
        print(f"  {answer}: {complaint}")
    if verbose:
        for o in found:
            if not o.answer.right and o.graded.diagnosis is None and o.answer.diagnoses != {None}:
                print(f"  {o.answer.id}: not named; {o.graded.message}")
    return bool(complaints) or share < NAMED_AT_LEAST


if __name__ == "__main__":
    sys.exit(main())
