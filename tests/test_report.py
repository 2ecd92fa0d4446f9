"""`python -m autograder report`: its numbers, what it says of whom, what it gives away, what it survives."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import random
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup
from scipy import stats

from autograder.__main__ import main
from autograder.exercises import EXERCISES, LESSONS
from autograder.report.alike import MOST, Alike, alike
from autograder.report.gather import Gathered, invented
from autograder.report.passages import OWN, Passages
from autograder.report.statistics import LEAST, Estimate, difficulty, discrimination
from autograder.submission.course import Course
from autograder.submission.verdicts import Verdict
from axe import blank_page, findings
from course_root import ROOT
from report_class import graded_class
from sumskip.checking.core import Report

pytestmark = pytest.mark.slow

FIRST, SECOND, _, FOURTH = LESSONS
ODD_NAMES = ("zora-7", "Łukasz", "müller ö", "o'brien", "=cmd()", "ns.4@uni.example", "<b>bold", "ז'וז")
LEARNERS = (*(name for name in ODD_NAMES if "<" not in name), *(f"k{100 + 7 * i}" for i in range(26)))
ERROR = "ZoraError"  # as a diagnosis, the name of what a learner's code raised
COPIED = """
# erst den mittleren haken setzen
haken_liste = []  # danach alles wieder sauber abbauen
meldung = "mein eigener langer text dazu"  # von zora-7 </pre><script>alert(1)</script>
zwischen_summe = 3  # hier fehlt noch der rest
"""


def answers(number: int) -> dict[str, dict[str, str]]:
    """What the learner with this number hands in."""
    flow = {"double_then_add": 13, "add_then_double": 16, "shape_3_16_32": (1, 32, 32, 32)}
    flow |= {"which_leaves": "sum" if number % 3 == 0 else "second"}
    flow |= {"double_then_add": 18} if number % 4 == 0 else {}
    flow |= {"add_then_double": 77} if number == 5 else {}
    first = {"predict_flow": f"predictions_flow = {flow!r}"}
    if number % 3 == 0:
        first["sequential_model"] = "# right"
    elif number % 3 == 1:
        first["sequential_model"] = "# silent" if number == 4 else f"# shows relu-implied\nn = {number}"
    if number == 7:
        first["sequential_model"] = f"# shows {ERROR}"
    copied = COPIED if number in (10, 11) else ""
    first["intermediate_outputs"] = ("# right" if number % 2 else "# half") + copied
    found = {FIRST: first}
    if number < 6:
        shape = (1, 32, 32, 32)
        sums = {q.name: shape if number < 3 else q.answer for q in EXERCISES["predict_addition"].questions}
        found[SECOND] = {
            "predict_addition": f"predictions_addition = {sums!r}",
            "addition_model": "# shows relu-implied" if number < 4 else "# right",
        }
    if number < 3:
        found[FOURTH] = {"explain_skip": "It adds x to F(x)." if number else ""}
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of 33, graded; lesson 2 had a due date that one of them missed."""
    root = tmp_path_factory.mktemp("report") / "course"
    with pytest.MonkeyPatch.context() as patch:
        graded_class(root, {name: answers(i) for i, name in enumerate(LEARNERS)}, patch)
    with sqlite3.connect(root / "gradebook.db") as book:
        book.execute("update assignment set duedate = '2026-03-01 12:00:00.000000' where name = ?", (SECOND,))
        late = "update submitted_assignment set timestamp = '2026-03-02 15:30:00.000000' where student_id = ?"
        book.execute(late, (LEARNERS[1],))
        named = "update student set first_name = 'Zoraida', last_name = 'Quispe', email = ? where id = ?"
        book.execute(named, ("zq@x.example", LEARNERS[0]))
    return root


@pytest.fixture
def root(graded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(graded)
    return graded


def _report(*arguments: str) -> dict[str, Any]:
    """What `report --json` writes."""
    assert main(["report", "--json", "r.json", *arguments]) == 0
    return json.loads(Path("r.json").read_text(encoding="utf-8"))


def _rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(root / "gradebook.db") as book:
        return book.execute(query).fetchall()


def _verdicts(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((root / "verdicts").glob("*/*.json")):
        yield path.parent.name, json.loads(path.read_text(encoding="utf-8"))


# --- the numbers --------------------------------------------------------------------------------------


def test_points_and_states_are_the_gradebooks(root: Path) -> None:
    """Means, and who solved and what was not graded, are what a query of the database says."""
    query = """
        select a.name, c.name, max(g.auto_score, 0), g.needs_manual_grade, gc.max_score from grade g
        join base_cell c on g.cell_id = c.id join grade_cells gc on gc.id = c.id
        join submitted_notebook n on g.notebook_id = n.id
        join submitted_assignment s on n.assignment_id = s.id join assignment a on s.assignment_id = a.id
    """
    marks: dict[tuple[str, str], list[tuple[float | None, int, float]]] = defaultdict(list)
    for assignment, cell, *mark in _rows(root, query):
        marks[assignment, cell.removesuffix("_check")].append(tuple(mark))
    seen = 0
    for lesson in _report()["lessons"]:
        for exercise in lesson["exercises"]:
            here = marks[lesson["name"], exercise["name"]]
            seen += len(here)
            given = [points for points, _, _ in here if points is not None]
            states = exercise["states"]
            assert states["solved"] == sum(points == most for points, _, most in here)
            assert states["not graded"] + states["waits"] == sum(p is None and w for p, w, _ in here)
            assert sum(states.values()) == lesson["handed_in"] == len(here)
            assert exercise["mean"] == (pytest.approx(np.mean(given)) if given else None)
    assert seen == len(_rows(root, "select * from grade"))


def test_states_are_what_was_handed_in(root: Path) -> None:
    """Blank is what was left as released, and not what was tried without a point."""
    [first] = _report("1")["lessons"]
    _, model, outputs = first["exercises"]
    numbers = range(len(LEARNERS))
    assert model["states"] == {
        "solved": sum(i % 3 == 0 for i in numbers),
        "tried": sum(i % 3 == 1 and i != 4 for i in numbers),
        "blank": sum(i % 3 == 2 for i in numbers),
        "not graded": 1,
        "waits": 0,
    }
    assert outputs["states"]["tried"] == sum(i % 2 == 0 for i in numbers)


def test_beliefs_are_those_of_the_verdicts(root: Path) -> None:
    """Who showed what is what the files in verdicts/ say, told with the sentence that they read."""
    expected: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for learner, verdict in _verdicts(root):
        for report in verdict["reports"]:
            for question, belief in report["beliefs"].items():
                expected[report["exercise"], question, belief].add(learner)
            written = answers(LEARNERS.index(learner))[verdict["assignment"]].get(report["exercise"])
            if written and report["status"] == "failed" and not report["beliefs"]:
                expected[report["exercise"], "", report["diagnosis"] or ""].add(learner)
    counted: Counter[tuple[str, str, str]] = Counter()
    for lesson in _report()["lessons"]:
        for exercise in lesson["exercises"]:
            for seen in exercise["seen"]:
                key = exercise["name"], seen["question"], seen["belief"]
                counted[key] += seen["count"]
                if seen["belief"] != "right":
                    assert len(seen["learners"]) == seen["count"]
                    assert expected[key] >= set(seen["learners"])
    assert counted == {key: len(who) for key, who in expected.items()}
    told = {(s["belief"], s["sentence"]) for s in _report("1")["lessons"][0]["exercises"][0]["seen"]}
    assert ("adds", "18 is 10 + 8. The second module receives 10, not 5: what is 10 + 3?") in told
    assert ("other", "77 is not what happens.") in told


def test_the_rows_add_up_to_the_gradebook(root: Path) -> None:
    """The CSV has one row a learner and exercise; its points are the database's."""
    assert main(["report", "--csv", "r.csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(Path("r.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(_rows(root, "select * from grade"))
    assert len({(row["learner"], row["exercise"]) for row in rows}) == len(rows)
    [(total,)] = _rows(root, "select sum(coalesce(manual_score, auto_score)) from grade")
    assert sum(float(row["points"] or 0) for row in rows) == pytest.approx(total)
    assert {row["learner"] for row in rows} == {n if n[0] != "=" else f"'{n}" for n in LEARNERS}
    assert {row["late hours"] for row in rows if row["learner"] == LEARNERS[1]} == {"0.0", "27.5"}


def test_a_mark_by_hand_counts(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What formgrader writes is in the next report: points, and one answer less that waits."""
    _copy(root, tmp_path, monkeypatch)
    before = _report("4")["to_mark"]
    assert [(task["exercise"], len(task["learners"])) for task in before] == [("explain_skip", 2)]
    with sqlite3.connect("gradebook.db") as book:
        book.execute("""
            update grade set manual_score = 3, needs_manual_grade = 0 where id = (
                select g.id from grade g join base_cell c on c.id = g.cell_id
                where c.name = 'explain_skip' and g.needs_manual_grade limit 1)
        """)
    after = _report("4")
    assert [len(task["learners"]) for task in after["to_mark"]] == [1]
    assert after["lessons"][0]["exercises"][-1]["mean"] == pytest.approx(1.5)  # with the blank one's 0


def test_movement_between_lessons(root: Path) -> None:
    """Of six who handed in lesson 2, who showed a mistake of lesson 1 again, and who no more."""
    moved = {one["belief"]: one["stages"] for one in _report()["moved"]}
    first, second, _, fourth = moved["relu-implied"]
    showed = {i for i in range(len(LEARNERS)) if i % 3 == 1 and i not in (4, 7)}
    assert (first["asked"], first["showed"], first["again"]) == (len(LEARNERS), len(showed), 0)
    assert (second["asked"], second["showed"]) == (6, 4)
    assert second["again"] == len(showed & {0, 1, 2, 3})
    assert second["gone"] == len(showed & {4, 5})
    assert fourth is None  # no exercise of it has that diagnosis
    assert "adds" not in moved  # one lesson alone


def test_late_and_not_graded(root: Path) -> None:
    report = _report()
    [late] = report["late"]
    assert (late["learners"], late["lesson"]) == ([LEARNERS[1]], SECOND)
    assert late["said"].startswith("27.5 hours")
    [silent] = report["not_graded"]
    assert (silent["learners"], silent["exercise"]) == ([LEARNERS[4]], "sequential_model")
    assert 1 <= len(report["slowest"]) <= 5


# --- statistics ---------------------------------------------------------------------------------------


def test_difficulty_is_wilsons() -> None:
    """Of all-or-nothing points the interval is the one that scipy has."""
    for right, n in ((0, 30), (7, 30), (40, 41), (250, 500)):
        found = difficulty([1.0] * right + [0.0] * (n - right))
        expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert found == Estimate(
            right / n, pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high), n
        )


def test_discrimination_is_pearsons_with_fishers_interval() -> None:
    generator = np.random.default_rng(3)
    own = generator.integers(0, 7, 80)
    rest = own + generator.normal(0, 4, 80)
    expected = stats.pearsonr(own, rest)
    low, high = expected.confidence_interval(0.95)
    found = discrimination(list(own), list(rest))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((expected.statistic, low, high))
    perfect = discrimination(list(own), list(own))
    assert perfect is not None
    assert (perfect.low, perfect.high) == (pytest.approx(1), pytest.approx(1))


def test_small_classes_and_equal_points_have_no_statistics() -> None:
    assert difficulty([0.5] * (LEAST - 1)) is None
    assert difficulty([0.5] * LEAST) is not None
    assert discrimination(list(range(LEAST - 1)), list(range(LEAST - 1))) is None
    assert discrimination([1.0] * 50, list(range(50))) is None


def test_the_rest_leaves_the_exercise_out(root: Path) -> None:
    """The correlation on the page, made again from the CSV: with the rest of those fully graded."""
    report = _report("1")
    main(["report", "1", "--csv", "r.csv"])
    points: dict[str, dict[str, str]] = defaultdict(dict)
    for row in csv.DictReader(io.StringIO(Path("r.csv").read_text(encoding="utf-8"))):
        points[row["learner"]][row["exercise"]] = row["points"]
    whole = [{k: float(v) for k, v in them.items()} for them in points.values() if all(them.values())]
    assert len(whole) == len(LEARNERS) - 1
    own = [them["intermediate_outputs"] for them in whole]
    rest = [sum(them.values()) - them["intermediate_outputs"] for them in whole]
    found = report["lessons"][0]["exercises"][2]["discrimination"]
    assert found["value"] == pytest.approx(stats.pearsonr(own, rest).statistic)
    assert found["learners"] == len(whole)


# --- passages -----------------------------------------------------------------------------------------


def test_every_passage_is_there() -> None:
    """Each passage begins in a cell with a heading, and each belief that has one of its own exists."""
    course = Course.open(ROOT, keep=False)
    passages = Passages(course.masters)
    known = {wrong.id for exercise in EXERCISES.values() for wrong in exercise.wrong}
    known |= {q[1] for exercise in EXERCISES.values() for asked in exercise.questions for q in asked.wrong}
    for (lesson, cell), beliefs in OWN.items():
        ids = [one["id"] for one in course.masters[lesson]["cells"] if one["cell_type"] == "markdown"]
        assert cell in ids
        assert set(beliefs.split()) <= known
    for exercise in EXERCISES.values():
        for belief in ("", *(wrong.id for wrong in exercise.wrong)):
            passage = passages.of(exercise.assignment, exercise.name, belief)
            assert passage is not None
            assert passage.assignment <= exercise.assignment
            assert not passage.heading.startswith("Exercise")


# --- answers alike ------------------------------------------------------------------------------------

RIGHT = (
    "class SequentialModel(nn.Module):\n    def forward(self, x):\n        return self.conv2(self.conv1(x))"
)


def _class(sources: dict[str, str], messages: dict[str, str] | None = None) -> Alike:
    """Who is alike among those whose `sequential_model` is this."""
    gathered = Gathered(Course.open(ROOT, keep=False), dict.fromkeys(sources, ""))
    for learner, source in sources.items():
        said = (messages or {}).get(learner)
        report = Report("sequential_model", 0.0, 6.0, "failed" if said else "passed", said or "")
        gathered.rows[learner, FIRST] = Verdict(FIRST, {}, "walled", "", {}, (report,))
        gathered.sources[learner, FIRST] = {"sequential_model": source}
    return alike(gathered)


def _pairs(found: Alike) -> set[tuple[str, str]]:
    return {pair.learners for pair in found.pairs}


def test_the_copied_answer_is_named(root: Path) -> None:
    """Two with the same comments, names and text are shown side by side; nobody else is."""
    [pair] = _report()["alike"]["pairs"]
    assert set(pair["learners"]) == {LEARNERS[10], LEARNERS[11]}
    assert {one["kind"] for one in pair["shared"]} == {"comment", "name", "text"}
    assert {one["learners"] for one in pair["shared"]} == {2}
    for side in pair["answers"]["intermediate_outputs"]:
        assert "".join(text for text, _ in side).endswith(COPIED)
        assert "haken_liste" in [text for text, odd in side if odd]


def test_alike_right_answers_prove_nothing() -> None:
    assert _class({f"u{i}": RIGHT for i in range(200)}).found == 0


def test_the_lessons_own_text_is_no_evidence() -> None:
    """Comments and names of the lesson, and PyTorch's own names, in two of two hundred: no pair."""
    course = Course.open(ROOT, keep=False)
    lesson = "\n".join("".join(cell["source"]) for cell in course.masters[FIRST]["cells"])
    brought = (
        "\n".join(f"# {line}" for line in lesson.splitlines()) + "\nModuleDict, lerp, isinstance, nonlocal"
    )
    sources = {f"u{i}": RIGHT + (brought if i < 2 else "") for i in range(200)}
    assert _class(sources).found == 0


def test_what_many_share_is_a_habit() -> None:
    """As many as may share an oddity are found, in a chain of neighbours; one more, and it is none."""
    for number, expected in ((2, 1), (3, 2), (MOST, MOST - 1), (MOST + 1, 0)):
        copied = (
            COPIED
            + "# und das ist noch eine lange bemerkung\n# die niemand sonst so schreibt, hier im kurs\n"
        )
        sources = {f"u{i:03}": RIGHT + copied * (i < number) for i in range(300)}
        assert _class(sources).found == expected


def test_a_long_copy_is_a_number_too() -> None:
    """Hundreds of oddities in common are as many bits as a float can hold."""
    pasted = "\n".join(f"# bemerkung mit der nummer {i} und noch mehr worten" for i in range(900))
    assert _class({f"u{i}": RIGHT + pasted * (i < 2) for i in range(60)}).found == 1


def test_a_shared_mistake_alone_is_no_reason() -> None:
    """One rare sentence that two have read is below what is needed; their common comments tip it."""
    sources = {f"u{i}": RIGHT for i in range(200)}
    said = {"u1": "A rare sentence.", "u2": "A rare sentence."}
    assert _class(sources, said).found == 0
    copied = {**sources, "u1": RIGHT + COPIED, "u2": RIGHT + COPIED}
    [pair] = _class(copied, said).pairs
    assert {one.kind for one in pair.shared} == {"comment", "name", "text", "mistake"}


def test_chance_names_nobody() -> None:
    """Classes in which everybody takes a few of the same habits at random have no pair."""
    for seed in range(5):
        chance = random.Random(seed)
        habits = [f"# this is the habit with number {i}\nhabit_{i} = 1\n" for i in range(400)]
        sources = {f"u{i}": RIGHT + "".join(chance.sample(habits, 6)) for i in range(200)}
        assert _class(sources).found == 0


# --- what it gives away -------------------------------------------------------------------------------


def test_pseudonyms_give_nobody_away(root: Path) -> None:
    """No id, name or address is in any of the three files; and they are the same the next time."""
    arguments = ["report", "--pseudonyms", "--html", "p.html", "--csv", "p.csv", "--json", "p.json"]
    assert main(arguments) == 0
    texts = {name: Path(name).read_text(encoding="utf-8") for name in ("p.html", "p.csv", "p.json")}
    for name, text in texts.items():
        for secret in (*LEARNERS, "Zoraida", "Quispe", "zq@x.example", "zora"):
            for form in (secret, html.escape(secret), json.dumps(secret)[1:-1]):
                assert form.casefold() not in text.casefold(), (name, secret)
    report = json.loads(texts["p.json"])
    assert len(report["learners"]) == len(LEARNERS)
    assert list(report["learners"]) == sorted(report["learners"])
    assert "[name]" in json.dumps(report["alike"])
    assert main(["report", "1", "--pseudonyms", "--json", "q.json"]) == 0
    again = json.loads(Path("q.json").read_text(encoding="utf-8"))
    assert again["learners"] == report["learners"]


def test_invented_names_need_the_secret() -> None:
    """They say nothing of the order of ids, are all different, and are others in another course."""
    ids = [f"u{i:05}" for i in range(5_000)]
    names = invented(ids, b"a secret")
    assert len(set(names.values())) == len(ids)
    order = stats.spearmanr(range(len(ids)), stats.rankdata([names[one] for one in ids])).statistic
    assert abs(order) < 0.1
    others = invented(ids, b"another")
    assert all(names[one] != others[one] for one in ids)


def test_the_page_is_inert(root: Path) -> None:
    """No script, no handler, no address; what learners wrote is text. One h1, headings in order, captions."""
    assert main(["report"]) == 0
    text = Path("report.html").read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert not page.find_all(["script", "iframe", "img", "link", "form", "object", "embed", "base"])
    for tag in page.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")]
        assert all(tag.get(name, "#").startswith("#") for name in ("href", "src"))
    assert "default-src 'none'" in page.find("meta", attrs={"http-equiv": True})["content"]
    assert "</pre><script>alert(1)</script>" in page.find("pre").parent.parent.get_text()
    assert page.html["lang"] == "en"
    levels = [int(tag.name[1]) for tag in page.find_all(["h1", "h2", "h3", "h4"])]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in page.find_all("table"):
        assert table.caption
        assert all(head.get("scope") for head in table.find_all("th"))
    for svg in page.find_all("svg"):
        assert svg["aria-hidden"] == "true"
        assert svg.find_parent(["table", "ul"]) or svg.find("pattern")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.find_all("a")} <= set(ids)
    assert "Repeat" in text or "repeat lesson 1" in text


# --- bad input ----------------------------------------------------------------------------------------


def _copy(root: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The course again, to be spoilt."""
    shutil.copytree(
        root, into / "course", symlinks=True, ignore=shutil.ignore_patterns("submitted", "[pqr].*")
    )
    monkeypatch.chdir(into / "course")
    return into / "course"


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr; nothing was written."""
    before = sorted(Path.cwd().iterdir())
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert sorted(Path.cwd().iterdir()) == before
    return err


def test_elsewhere_and_before_anything_is_graded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside a course, without a gradebook, in an empty class, for a lesson nobody handed in."""
    assert "no assignment '9'" in _refused(["report", "9"], capsys)
    assert "no such folder" in _refused(["report", "--html", "nowhere/r.html"], capsys)
    assert "a file each" in _refused(["report", "--html", "r", "--csv", "./r"], capsys)
    assert f"nothing of {LESSONS[2]} has been graded yet" in _refused(["report", "3"], capsys)
    course = _copy(root, tmp_path, monkeypatch)
    with sqlite3.connect("gradebook.db") as book:
        for table in ("grade", "submitted_notebook", "submitted_assignment", "student"):
            book.execute(f"delete from {table}")
    assert "has been graded yet: run python -m autograder grade" in _refused(["report"], capsys)
    (course / "gradebook.db").unlink()
    assert "has been graded yet" in _refused(["report"], capsys)
    monkeypatch.chdir(tmp_path)
    assert "no course root" in _refused(["report"], capsys)


def test_a_locked_gradebook(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another program writes, the line says so; an earlier report stays as it is."""
    _copy(root, tmp_path, monkeypatch)
    Path("report.html").write_text("the earlier one", encoding="utf-8")
    other = sqlite3.connect("gradebook.db")
    other.execute("begin exclusive")
    try:
        assert "another program holds the gradebook" in _refused(["report"], capsys)
    finally:
        other.rollback()
        other.close()
    assert Path("report.html").read_text(encoding="utf-8") == "the earlier one"


def test_damaged_verdicts_and_removed_learners(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marks are counted all the same; what was lost, and who was left out, is said."""
    course = _copy(root, tmp_path, monkeypatch)
    whole = _report("1")
    (course / "verdicts" / LEARNERS[0] / f"{FIRST}.json").write_text('{"schema": 2, "rep', encoding="utf-8")
    with sqlite3.connect("gradebook.db") as book:
        book.execute("pragma foreign_keys = off")
        for table, key in (("submitted_assignment", "student_id"), ("student", "id")):
            book.execute(f"delete from {table} where {key} = ?", (LEARNERS[9],))
    found = _report("1")
    lost, left_out = found["notes"]
    assert LEARNERS[0] in lost
    assert "damaged" in lost
    assert LEARNERS[9] in left_out
    [before], [after] = whole["lessons"], found["lessons"]
    assert after["handed_in"] == before["handed_in"] - 1
    flow = [{s["belief"]: s["count"] for s in one["exercises"][0]["seen"]} for one in (before, after)]
    assert (
        flow[1]["adds"] == flow[0]["adds"] - 2
    )  # both had taken the sum to leave; one of them has no verdict


def test_one_learner(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of one has a page, without statistics and without pairs."""
    _copy(root, tmp_path, monkeypatch)
    with sqlite3.connect("gradebook.db") as book:
        for table, key in (("submitted_assignment", "student_id"), ("student", "id")):
            book.execute(f"delete from {table} where {key} != ?", (LEARNERS[3],))
    report = _report("--html", "one.html")
    assert list(report["learners"]) == [LEARNERS[3]]
    assert all(e["difficulty"] is None for lesson in report["lessons"] for e in lesson["exercises"])
    text = Path("one.html").read_text(encoding="utf-8")
    assert "1 learner," in text
    assert f"is said from {LEAST} learners on" in text


def test_without_a_file_there_is_a_page_and_with_data_alone_none(root: Path, tmp_path: Path) -> None:
    Path("report.html").unlink(missing_ok=True)
    assert main(["report", "--csv", "r.csv"]) == 0
    assert not Path("report.html").exists()
    assert main(["report"]) == 0
    assert Path("report.html").stat().st_mode & 0o077 == 0  # for the instructor's eyes


# --- in a browser -------------------------------------------------------------------------------------

VIEWS = {
    "wide": (1200, "light", "screen"),
    "phone": (320, "light", "screen"),
    "dark": (900, "dark", "screen"),
    "print": (794, "light", "print"),
}


@pytest.mark.browser
def test_the_report_in_a_browser(needs_browser: str, root: Path, tmp_path: Path) -> None:
    """axe finds nothing serious, nothing is loaded or wider than the screen, a key opens what is folded.

    With SUMSKIP_SCREENSHOTS=FOLDER the page is kept there, to be looked at.
    """
    page_file, opened = tmp_path / "report.html", tmp_path / "opened.html"
    assert main(["report", "--html", str(page_file)]) == 0
    text = page_file.read_text(encoding="utf-8")
    opened.write_text(text.replace("<details>", "<details open>"), encoding="utf-8")
    with blank_page(needs_browser) as page:
        assert findings(page, page_file) + findings(page, opened) == []
        for name, (width, scheme, media) in VIEWS.items():
            page.set_viewport_size({"width": width, "height": 1000})
            page.emulate_media(color_scheme=scheme, media=media)  # type: ignore[arg-type]
            page.goto(opened.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
                Path(folder).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(folder) / f"report_{name}.png", full_page=True)
        page.goto(page_file.as_uri())
        first = page.locator("details").first
        first.locator("summary").focus()
        page.keyboard.press("Enter")
        assert first.get_attribute("open") is not None
