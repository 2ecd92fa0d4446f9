"""One submission in, its verdict out: a plain function for a class run, nbgrader, or a cluster.

An exercise is judged outside the process that ran the learner's code. The secret key decides, and is never
quoted: what is said, and every number in it, comes from asking again with the public key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from autograder.engine.intake import Submission
from autograder.engine.plan import CellOutput
from autograder.engine.run import Engine
from autograder.engine.sandbox import Level
from autograder.keys.secret import secret_key
from autograder.submission import verdicts
from autograder.submission.course import Course
from autograder.submission.stands import Stands, holds, of_answers
from autograder.submission.verdicts import Printed, Verdict
from sumskip.checking.core import Array, Ask, Case, Observation, Report
from sumskip.checking.judge import judge
from sumskip.checking.key import Recorded, public_key

_ONLY_ELSEWHERE = (
    "The published examples come out right, others do not. Is a number or a size in your answer that "
    "belongs to the examples alone?"
)


def remembered(ask: Ask) -> Ask:
    """The same, that puts no case twice."""
    seen: dict[tuple[str, str, int], Observation] = {}

    def once(case: Case) -> Observation:
        asked = (case.id, case.seed, case.permutation)
        if asked not in seen:
            seen[asked] = ask(case)
        return seen[asked]

    return once


def grade_exercise(
    name: str,
    ask: Ask,
    secret: bytes,
    store: Path | None = None,
    *,
    for_committing: bool = True,
    points: float | None = None,
) -> Report:
    """Judge one exercise by its secret key and explain the report by its public one.

    Args:
        name: the exercise, a key of `autograder.exercises.EXERCISES`.
        ask: puts a case to the learner's answer, wherever that lives.
        secret: the course's secret.
        store: where secret keys are kept between runs (see `autograder.keys.secret.secret_key`).
        for_committing: whether predictions earn their points by being there, right or wrong.
        points: what the exercise is worth, where that is not what its parts add up to.

    Returns:
        The report to show. Status, score and parts are the secret key's; what it says is the public one's.
    """

    def again(case: Case, weights: Mapping[str, Array]) -> list[Recorded]:
        from autograder.keys.making import rerun  # brings PyTorch along, which few answers ask for

        return rerun(name, case, weights)

    ask = remembered(ask)
    key = secret_key(name, secret, store)
    key = replace(key, points=key.points if points is None else points)
    decided = judge(key, ask, again, for_committing=for_committing)
    if key.kind == "literals" or decided.status == "passed":
        return decided
    shown = judge(public_key(name), ask, again)
    if shown.status == "passed":
        return replace(decided, message=_ONLY_ELSEWHERE, details=(), diagnosis=None, case="")
    if shown.order is not None:
        decided = judge(key, ask, again, order=shown.order)
    # What is not graded has no name.
    return replace(
        decided,
        message=shown.message,
        details=shown.details,
        case=shown.case,
        hints=shown.hints,
        diagnosis=shown.diagnosis if decided.status == "failed" else None,
    )


def grade_submission(course: Course, submission: Submission, stands: Stands, engine: Engine) -> Verdict:
    """Run what was submitted in `engine` and judge the answers out here.

    Every automatic exercise of the assignment is in the verdict, whatever happened.
    """

    exercises = course.exercises(submission.assignment)

    def judged(name: str, ask: Ask) -> Report:
        return grade_exercise(
            name,
            ask,
            course.secret,
            course.key_store,
            for_committing=course.settings.points_for == "committing",
            points=exercises[name],
        )

    result = engine.run(submission.plan, judged, _to_draw)
    ended = "The notebook ended before this exercise was reached."
    reports = tuple(
        result.reports.get(name) or not_graded(name, points, ended) for name, points in exercises.items()
    )
    return Verdict(
        assignment=submission.assignment,
        stands=stands,
        level=result.level,
        seed=verdicts.seed_id(course.secret),
        versions={**verdicts.versions(), **engine.versions},
        reports=reports,
        printed={
            cell: text for cell, output in result.outputs.items() if (text := _printed(output)) != Printed()
        },
        warnings=(*submission.warnings, *result.warnings),
        submitted_version=submission.version,
        answers=of_answers(submission.notebook.cells),
        traces=result.traces,
    )


def _to_draw(report: Report) -> Case | None:
    """The published case that shows what is wrong with a model; None for what is right, or no model."""
    if report.status != "failed" or (key := public_key(report.exercise)).kind != "module":
        return None
    return next((case for case in key.cases if case.id == report.case), None)


def _printed(output: CellOutput) -> Printed:
    place = f" (line {output.line} of this cell)" if output.line else ""
    error = f"{output.error_name}: {output.error_message}{place}" if output.error_name else ""
    return Printed(output.stdout, output.stderr, error)


def unreadable(assignment: str, reason: str, course: Course, stands: Stands, level: Level) -> Verdict:
    """The verdict on a submission that no notebook could be read from: nothing graded, and why."""
    exercises = course.exercises(assignment)
    reports = tuple(not_graded(name, points, reason) for name, points in exercises.items())
    return Verdict(
        assignment=assignment,
        stands=stands,
        level=level,
        seed=verdicts.seed_id(course.secret),
        versions=dict(verdicts.versions()),
        reports=reports,
        warnings=(reason,),
    )


def not_graded(name: str, points: float, reason: str) -> Report:
    """No verdict, 0 points until the instructor has looked, and why."""
    return Report(exercise=name, score=0.0, max_score=points, status="not_graded", message=reason)


def counts(verdict: Verdict, stands: Stands, trust_submissions: bool) -> bool:
    """Whether a stored verdict still counts; one made without walls, only where that is accepted."""
    return holds(verdict.stands, stands) and (verdict.level != "none" or trust_submissions)
