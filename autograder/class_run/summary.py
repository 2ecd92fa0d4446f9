"""What an instructor is told at the end of a run: titles, and the lines below each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from autograder.class_run.changes import Change
from autograder.class_run.findings import by_hand, not_graded, shown
from autograder.class_run.outcome import Outcome
from autograder.submission.course import Course

MOST_LINES = 20
_LEVELS = {
    "walled": "walled in",
    "swept": "walled in and swept up after",
    "none": "NOT WALLED IN, with your rights",
}
Section = tuple[str, list[str]]


def summary(course: Course, outcome: Outcome, passed_over: list[str], seconds: float) -> Iterator[Section]:
    """A run that has written: what was earned, what waits for a person, what has changed."""
    by_assignment: dict[str, list[float]] = defaultdict(list)
    for (learner, assignment), verdict in sorted(outcome.rows.items()):
        there = outcome.recorded.get(assignment, {}).get(learner)
        by_assignment[assignment].append(max(0.0, there.score - there.penalty) if there else verdict.score)
    for assignment, scores in sorted(by_assignment.items()):
        most, mean = sum(course.points(assignment).values()), sum(scores) / len(scores)
        yield f"{assignment}: {len(scores)} graded, {mean:.1f} of {most:g} points on average", []
    yield from _listed("What learners predicted, right or by belief", _beliefs(outcome))
    yield from _listed("To be marked by hand (python -m autograder mark)", _by_hand(outcome))
    yield from _listed(
        "Not graded, no points until you have looked (formgrader: make desk)", _silent(outcome)
    )
    yield from _listed("Warnings", [*passed_over, *outcome.warnings])
    slowest = sorted(outcome.seconds.items(), key=lambda item: -item[1])[:3]
    if outcome.new > 1 and slowest:
        yield "Slowest: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in slowest), []
    if outcome.levels:
        levels = " and ".join(_LEVELS[level] for level in sorted(outcome.levels))
        yield f"Learners' code ran {levels}.", []
    done = f"{counted(outcome.new, 'notebook')} graded in {seconds:.1f} s"
    if before := len(outcome.rows) - outcome.new:
        done += f", {before} {'was' if before == 1 else 'were'} finished before"
    if outcome.pages:
        done += f", {counted(outcome.pages, 'feedback page')} written"
    yield f"{done}.", []
    if outcome.changes:
        yield "Marks that have changed:", _all(outcome.changes)


def rehearsal(outcome: Outcome, passed_over: list[str]) -> Iterator[Section]:
    """A run that has written nothing: what it would change."""
    yield from _listed("Warnings", passed_over)
    if outcome.first:
        yield "Marks that would be the first:", _all(outcome.first)
    if outcome.changes:
        yield "Marks that would change:", _all(outcome.changes)
    else:
        yield "No mark that is there would change.", []
    graded = counted(outcome.new, "notebook")
    yield f"{graded} would be graded of {len(outcome.rows)}. Nothing was written.", []


def counted(number: int, what: str) -> str:
    """`1 notebook`, `2 notebooks`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _all(changes: list[Change]) -> list[str]:
    """Every one of them: they stand nowhere else."""
    return [str(change) for change in sorted(changes, key=lambda change: (change.learner, change.assignment))]


def _listed(title: str, lines: list[str]) -> Iterator[Section]:
    if len(lines) > MOST_LINES:
        more = f"… and {len(lines) - MOST_LINES} more; all of them are in verdicts/"
        lines = [*lines[:MOST_LINES], more]
    if lines:
        yield f"{title}:", lines


def _beliefs(outcome: Outcome) -> list[str]:
    """Each prediction, and how many learners showed which belief."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for _, verdict in sorted(outcome.rows.items()):
        for report in verdict.reports:
            for one in shown(report):
                if one.question:
                    found[f"{report.exercise}: {one.question}"][one.belief] += 1
    return [
        f"{question}: {', '.join(f'{count} {belief}' for belief, count in beliefs.most_common())}"
        for question, beliefs in found.items()
    ]


def _by_hand(outcome: Outcome) -> list[str]:
    """Each cell with answers that a person is to mark, how many they are, and the points that are open."""
    lines = []
    for (assignment, cell), waiting in sorted(by_hand(outcome.rows, outcome.recorded).items()):
        unmarked, again = len(waiting.unmarked), len(waiting.again)
        said = [f"{counted(unmarked, 'answer')} not marked yet, {waiting.each}"]
        said = said if unmarked else []
        said += [f"{counted(again, 'mark')} to be looked at again"] if again else []
        lines.append(f"{assignment}: {cell.removesuffix('_check')}: {'; '.join(said)}")
    return lines


def _silent(outcome: Outcome) -> list[str]:
    """Each notebook of which something was not graded and nobody has looked yet."""
    lines = []
    for learner, assignment, reasons in not_graded(outcome.rows, outcome.recorded):
        said = "; ".join(f"{', '.join(names)}: {message}" for message, names in reasons.items())
        lines.append(f"{learner}/{assignment}: {said}")
    return lines
