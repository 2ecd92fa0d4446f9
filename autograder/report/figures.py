"""Everything the report shows, as data: made once, then written as a page, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean, median

from autograder.class_run.findings import Shown, by_hand, not_graded
from autograder.exercises import EXERCISES
from autograder.report.alike import Alike, alike
from autograder.report.gather import Gathered, State, known_beliefs
from autograder.report.passages import Passage, Passages
from autograder.report.statistics import Estimate, difficulty, discrimination
from autograder.roster.sheets import defused

STATES: tuple[State, ...] = ("solved", "tried", "blank", "not graded", "waits")
BINS = 10  # of a lesson's points
SLOWEST = 5


@dataclass(frozen=True)
class Seen:
    """What several answers show: the belief by its id ("right", "other", "" where none is known), and who."""

    question: str
    belief: str
    sentence: str
    count: int
    learners: tuple[str, ...]  # nobody where it is right
    repeat: Passage | None


@dataclass(frozen=True)
class Exercise:
    """One exercise; `states` says of how many answers each is true."""

    name: str
    most: float
    by_hand: bool
    states: dict[str, int]
    mean: float | None
    difficulty: Estimate | None
    discrimination: Estimate | None
    seen: tuple[Seen, ...]


@dataclass(frozen=True)
class Lesson:
    """One assignment; `bins` counts learners by tenths of its points, late penalties taken off."""

    name: str
    title: str
    most: float
    handed_in: int
    missing: tuple[str, ...]
    mean: float | None
    median: float | None
    bins: tuple[int, ...]
    exercises: tuple[Exercise, ...]


@dataclass(frozen=True)
class Stage:
    """One belief in one lesson: of `asked` learners `showed` did, `again` of them not for the first time.

    `gone` showed it in the lesson before in which it could be seen, handed this one in, and did not show it.
    """

    asked: int
    showed: int
    again: int
    gone: int


@dataclass(frozen=True)
class Moved:
    """A belief that more than one lesson can show, lesson by lesson; None where one cannot show it."""

    belief: str
    stages: tuple[Stage | None, ...]


@dataclass(frozen=True)
class Task:
    """What a person has to do or to know about one learner's assignment, or about one exercise of it."""

    lesson: str
    exercise: str
    learners: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Figures:
    """The report. Names are pseudonyms throughout where that was asked for."""

    pseudonyms: bool
    learners: dict[str, str]
    lessons: tuple[Lesson, ...]
    moved: tuple[Moved, ...]
    to_mark: tuple[Task, ...]
    late: tuple[Task, ...]
    not_graded: tuple[Task, ...]
    slowest: tuple[Task, ...]
    alike: Alike
    notes: tuple[str, ...]

    def most_shown(self, number: int) -> list[tuple[Lesson, Exercise, Seen]]:
        """The known beliefs that most learners showed: what to teach again."""
        every = [
            (lesson, exercise, seen)
            for lesson in self.lessons
            for exercise in lesson.exercises
            for seen in exercise.seen
            if seen.belief in known_beliefs(exercise.name)
        ]
        return sorted(every, key=lambda one: -one[2].count)[:number]


def figures(gathered: Gathered, *, pseudonyms: bool) -> Figures:
    """All numbers of the report."""
    passages = Passages(gathered.course.masters)
    return Figures(
        pseudonyms=pseudonyms,
        learners=gathered.learners,
        lessons=tuple(_lesson(gathered, name, passages) for name in gathered.recorded),
        moved=tuple(_moved(gathered)),
        to_mark=tuple(_to_mark(gathered)),
        late=tuple(_late(gathered)),
        not_graded=tuple(_not_graded(gathered)),
        slowest=tuple(_slowest(gathered)),
        alike=alike(gathered),
        notes=tuple(gathered.notes),
    )


def _lesson(gathered: Gathered, name: str, passages: Passages) -> Lesson:
    course, recorded = gathered.course, gathered.recorded[name]
    points = course.points(name)
    totals = [max(0.0, one.score - one.penalty) for one in recorded.values()]
    most = sum(points.values())
    bins = Counter(min(BINS - 1, int(BINS * total / most + 1e-9)) if most else 0 for total in totals)
    return Lesson(
        name=name,
        title=passages.title(name),
        most=most,
        handed_in=len(recorded),
        missing=tuple(learner for learner in gathered.learners if learner not in recorded),
        mean=mean(totals) if totals else None,
        median=median(totals) if totals else None,
        bins=tuple(bins[number] for number in range(BINS)),
        exercises=tuple(_exercises(gathered, name, _seen(gathered, name, passages))),
    )


def _exercises(gathered: Gathered, lesson: str, seen: dict[str, tuple[Seen, ...]]) -> Iterator[Exercise]:
    course, recorded, states = gathered.course, gathered.recorded[lesson], gathered.states(lesson)
    marked = {
        cell: {
            learner: points
            for learner, there in recorded.items()
            if cell in there.marks and (points := there.marks[cell].points) is not None
        }
        for cell in states
    }
    # Where answers still wait for a person, the points of those that do not are no fair sample.
    fair = [cell for cell in states if "waits" not in states[cell].values()]
    for cell, most in course.points(lesson).items():
        name, own = cell.removesuffix("_check"), marked[cell]
        others = [marked[other] for other in fair if other != cell] if cell in fair else []
        both = [learner for learner in own if others and all(learner in other for other in others)]
        rest = [math.fsum(other[learner] for other in others) for learner in both]
        counts = Counter(states[cell].values())
        yield Exercise(
            name=name,
            most=most,
            by_hand=name not in course.exercises(lesson),
            states={state: counts[state] for state in STATES},
            mean=mean(own.values()) if own else None,
            difficulty=difficulty([p / most for p in own.values()]) if most and cell in fair else None,
            discrimination=discrimination([own[learner] for learner in both], rest),
            seen=seen.get(name, ()),
        )


def _seen(gathered: Gathered, lesson: str, passages: Passages) -> dict[str, tuple[Seen, ...]]:
    """By exercise what its answers show; of a prediction question by question, what is right first."""
    who: dict[tuple[str, Shown], list[str]] = defaultdict(list)
    said: dict[tuple[str, Shown], Counter[str]] = defaultdict(Counter)
    for learner, exercise, one in gathered.shown(lesson):
        sentence = gathered.hide(one.sentence)
        # Two choices that show one belief stay two; of a diagnosis, one sentence stands for all.
        key = exercise, replace(one, sentence="" if one.belief and not one.question else sentence)
        who[key].append(learner)
        said[key][sentence] += 1
    found: dict[str, list[Seen]] = defaultdict(list)
    for (exercise, one), learners in who.items():
        right = one.belief == "right"
        answers = {question.name: question.answer for question in EXERCISES[exercise].questions}
        sentence = repr(answers[one.question]) if right else said[exercise, one].most_common(1)[0][0]
        repeat = None if right else passages.of(lesson, exercise, one.belief)
        them = () if right else tuple(learners)
        belief = gathered.named(exercise, one.belief)
        found[exercise].append(Seen(one.question, belief, sentence, len(learners), them, repeat))
    for exercise, ones in found.items():
        questions = [question.name for question in EXERCISES[exercise].questions]
        order = {name: number for number, name in enumerate([*questions, ""])}
        ones.sort(key=lambda s: (order[s.question], s.belief != "right", -s.count, s.sentence))
    return {exercise: tuple(ones) for exercise, ones in found.items()}


def _moved(gathered: Gathered) -> Iterator[Moved]:
    """Beliefs that several of the lessons can show and somebody did, those of most learners first."""
    lessons = list(gathered.recorded)
    can: dict[str, set[str]] = defaultdict(set)
    for lesson in lessons:
        for exercise in gathered.course.exercises(lesson):
            for belief in known_beliefs(exercise):
                can[belief].add(lesson)
    did: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for lesson in lessons:
        for learner, _, one in gathered.shown(lesson):
            did[one.belief][lesson].add(learner)
    found = []
    for belief, where in can.items():
        before: set[str] = set()
        last: set[str] = set()
        stages: list[Stage | None] = []
        for lesson in lessons:
            if lesson not in where:
                stages.append(None)
                continue
            here, everybody = did[belief][lesson], gathered.recorded[lesson].keys()
            again, gone = len(here & before), len(last & everybody - here)
            stages.append(Stage(len(everybody), len(here), again, gone))
            before, last = before | here, here
        if len(where) > 1 and before:
            found.append((-len(before), belief, tuple(stages)))
    return (Moved(belief, stages) for _, belief, stages in sorted(found, key=lambda one: one[:2]))


def _to_mark(gathered: Gathered) -> Iterator[Task]:
    for (lesson, cell), waiting in sorted(by_hand(gathered.rows, gathered.recorded).items()):
        kinds = {"not marked yet": waiting.unmarked, "to be looked at again": waiting.again}
        for what, learners in kinds.items():
            if learners:
                said = f"{what}, {waiting.each}"
                yield Task(lesson, cell.removesuffix("_check"), tuple(learners), said)


def _not_graded(gathered: Gathered) -> Iterator[Task]:
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for learner, lesson, reasons in not_graded(gathered.rows, gathered.recorded):
        for reason, names in reasons.items():
            found[lesson, ", ".join(names), gathered.hide(reason)].append(learner)
    for (lesson, exercises, reason), learners in sorted(found.items()):
        yield Task(lesson, exercises, tuple(learners), reason)


def _late(gathered: Gathered) -> Iterator[Task]:
    for lesson, recorded in gathered.recorded.items():
        late = {one: them.late(them.timestamp) for one, them in recorded.items()}
        for learner, seconds in sorted(late.items(), key=lambda one: -one[1]):
            if seconds:
                said = f"{seconds / 3600:.1f} hours, {recorded[learner].penalty:g} points taken off"
                yield Task(lesson, "", (learner,), said)


def _slowest(gathered: Gathered) -> Iterator[Task]:
    times = sorted(gathered.seconds.items(), key=lambda row: (-row[1], row[0]))
    for (learner, lesson), seconds in times[:SLOWEST]:
        if seconds:
            yield Task(lesson, "", (learner,), f"{seconds:.1f} s to grade")


def rows(gathered: Gathered) -> str:
    """One line a learner and exercise, as CSV; of an assignment that nobody handed in, none."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ("learner", "assignment", "exercise", "state", "points", "most", "diagnosis", "late hours")
    )
    for lesson, recorded in gathered.recorded.items():
        states = gathered.states(lesson)
        for learner, there in sorted(recorded.items()):
            reports = {report.exercise: report for report in gathered.rows[learner, lesson].reports}
            late = f"{there.late(there.timestamp) / 3600:.1f}"
            for cell, most in gathered.course.points(lesson).items():
                exercise, mark = cell.removesuffix("_check"), there.marks.get(cell)
                diagnosis = reports[exercise].diagnosis if exercise in reports else ""
                diagnosis = gathered.named(exercise, diagnosis or "")
                given = "" if mark is None or mark.points is None else f"{mark.points:g}"
                state = states[cell][learner]
                table.writerow(
                    (defused(learner), lesson, exercise, state, given, f"{most:g}", diagnosis, late)
                )
    return text.getvalue()
