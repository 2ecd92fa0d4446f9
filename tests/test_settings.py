"""`course.toml`: what an instructor decides, and what is said where it cannot be used."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.gradebook.late import LateByDay
from autograder.settings import SettingError, Settings, read_settings
from course_root import ROOT
from grading_course import answered, hand_in, make_course, rehearse_course, release_notebooks

LESSON = "02_explicit_addition"


def test_what_the_file_of_the_course_says_is_what_holds_without_it(tmp_path: Path) -> None:
    assert read_settings(ROOT) == read_settings(tmp_path) == Settings()


def test_every_line_that_is_commented_out_could_be_used(tmp_path: Path) -> None:
    """What stands behind a # in the file is the name of a setting, with a value of its kind."""
    text = (ROOT / "course.toml").read_text(encoding="utf-8")
    lines = [line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines()]
    (tmp_path / "course.toml").write_text("\n".join(lines), encoding="utf-8")
    days = {"ana": timedelta(days=3), "ben": timedelta(days=7)}
    assert read_settings(tmp_path) == Settings(
        points={"tiny_resnet": 8, "explain_skip": 0},
        weights={"04_residual_networks": 50},
        due={"01_sequential_flow": datetime(2026, 10, 8, 21, 59)},
        extensions={LESSON: days},
        ask="Unclear, or marked wrongly? Write to ask@example.org.",
    )


def test_the_points_that_the_page_shows_can_be_used(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"(?m)^    \[points\]\n(?:    .+\n)+", page)
    (tmp_path / "course.toml").write_text(dedent(shown), encoding="utf-8")
    assert read_settings(tmp_path) == Settings(points={"tiny_resnet": 8, "explain_skip": 0})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[predictions\n", "mend it"),
        ("[dew]\n", "no setting 'dew'; did you mean due?"),
        (
            "[marks]\n",
            "no setting 'marks'; there are predictions, points, weight, due, extension, late, feedback",
        ),
        ("late = 3\n", "late expects a table; 3 came"),
        ('[predictions]\npoints-for = "luck"\n', 'expects "committing" or "being right"; \'luck\' came'),
        ("[points]\ntiny_resnt = 8\n", "no exercise is called 'tiny_resnt'; did you mean tiny_resnet?"),
        ("[points]\ntiny_resnet_check = 8\n", "did you mean tiny_resnet?"),
        ("[points]\nessay = 8\n", "no exercise is called 'essay'; there are predict_flow, "),
        *(
            (f"[points]\ntiny_resnet = {value}\n", f"in hundredths at the finest; {came} came")
            for value, came in (("-1", "-1"), ("nan", "nan"), ("inf", "inf"), ("0.125", "0.125"))
        ),
        ('[points]\ntiny_resnet = "8"\n', "tiny_resnet expects points from 0 to 1000, in hundredths"),
        ("[points]\ntiny_resnet = true\n", "True came"),
        ("[points]\ntiny_resnet = {learners = 3}\n", "{'learners': 3} came"),
        ("[weight]\n01_sequential = 3\n", "did you mean 01_sequential_flow?"),
        ("[weight]\n01_sequential_flow = -3\n", "weight of 01_sequential_flow expects a number from 0 to"),
        ("[late]\npercent-a-day = 110\n", "percent-a-day expects a number from 0 to 100; 110 came"),
        ("[late]\npercent-a-day = true\n", "percent-a-day expects a number from 0 to 100; True came"),
        ("[late]\npercent-per-day = 10\n", "did you mean percent-a-day?"),
        ("[due]\n01_sequential_flow = 2026-10-08T23:59:00\n", "a time with its offset, such as 2026-"),
        ("[due]\n01_sequential_flow = 2026-10-08\n", "a time with its offset, such as 2026-"),
        ('[due]\n01_sequential_flow = "soon"\n', "soon came"),
        ("[due]\n01_sequential = 2026-10-08T23:59:00Z\n", "did you mean 01_sequential_flow?"),
        ("[extension]\n4_residual_networks = {ana = 3}\n", "did you mean 04_residual_networks?"),
        ("[extension]\n01_sequential_flow = 3\n", "expects days by learner, such as { ana = 3 }; 3 came"),
        (
            '[extension]\n01_sequential_flow = {ana = "3 d"}\n',
            "ana expects a number of days, at most 365; '3 d' came",
        ),
        (
            "[extension]\n01_sequential_flow = {ana = inf}\n",
            "ana expects a number of days, at most 365; inf came",
        ),
        (
            "[extension]\n01_sequential_flow = {ana = -1}\n",
            "ana expects a number of days, at most 365; -1 came",
        ),
        ("[due]\n01_sequential_flow = 0001-01-01T00:00:00+02:00\n", "a time with its offset, such as 2026-"),
        ("[feedback]\nask = 4\n", "ask expects a sentence, at most 500 characters; 4 came"),
        ("[feedback]\nanswer = 'x'\n", "no setting 'answer'; there are ask"),
        ("[late]\npercent-a-day = nan\n", "percent-a-day expects a number from 0 to 100; nan came"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    (root / "course.toml").write_text(text)
    assert main(["grade"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"autograder grade: {root / 'course.toml'}: ")
    assert said in err
    assert err.count("\n") == 1
    assert not (root / "gradebook.db").exists()


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_bytes("# Über\n".encode("latin-1"))
    with pytest.raises(SettingError, match=r"course\.toml: .*mend it"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("seconds", "penalty"), [(599, 0), (600, 0), (601, 2), (600 + 86400, 2), (601 + 86400, 4), (10**7, 10)]
)
def test_each_day_begun_costs_its_share(seconds: float, penalty: float) -> None:
    policy = LateByDay(grace_minutes=10, percent_a_day=10, at_most_percent=50)
    assert policy.late_submission_penalty("ana", 20, seconds) == pytest.approx(penalty)


def test_a_date_and_a_policy_reach_the_gradebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Set after the first grading: `--dry-run` tells, `grade` and the export follow, for that one is late."""
    root = rehearse_course(monkeypatch, make_course(tmp_path / "course"))
    released = release_notebooks(root, (LESSON,))[LESSON]
    for learner, hour in (("ana", 9), ("ben", 11)):
        file = hand_in(root, learner, LESSON, answered(released, {"addition_model": "# right"}))
        file.with_name("timestamp.txt").write_text(f"2026-10-08 {hour}:00:00 UTC\n")
    assert main(["grade", "--no-feedback"]) == 0
    (root / "course.toml").write_text(
        f"[due]\n{LESSON} = 2026-10-08T12:00:00+02:00\n[late]\npercent-a-day = 25\n"
    )
    capsys.readouterr()
    expected = f"ben/{LESSON}: late penalty: 0 -> -2 points (deadline)"
    for options in (["--dry-run"], []):
        assert main(["grade", "--no-feedback", *options]) == 0
        out = capsys.readouterr().out
        assert expected in out
        assert "ana" not in out.partition("late penalty")[0].splitlines()[-1]
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert book.find_assignment(LESSON).duedate == datetime(2026, 10, 8, 10)
        penalties = {name: _penalty(book, name) for name in ("ana", "ben")}
    assert penalties == {"ana": 0, "ben": 2}
    assert main(["grade", "--dry-run", "--no-feedback"]) == 0
    assert "->" not in capsys.readouterr().out

    with (root / "course.toml").open("a") as file:
        file.write(f"[extension]\n{LESSON} = {{ ben = 0.5 }}\n")
    expected = f"ben/{LESSON}: late penalty: -2 -> 0 points (deadline)"
    for options in (["--dry-run"], []):
        assert main(["grade", "--no-feedback", *options]) == 0
        assert expected in capsys.readouterr().out
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert _penalty(book, "ben") == 0
        assert book.find_submission(LESSON, "ben").extension == timedelta(hours=12)
        assert book.find_submission(LESSON, "ana").extension is None

    text = (root / "course.toml").read_text()
    (root / "course.toml").write_text(text.replace("ben = 0.5", "ben = 0"))
    assert main(["grade", "--no-feedback"]) == 0
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert _penalty(book, "ben") == 2
        assert book.find_submission(LESSON, "ben").extension is None

    (root / "course.toml").write_text(f'[due]\n{LESSON} = "none"\n[late]\npercent-a-day = 25\n')
    capsys.readouterr()
    for options in (["--dry-run"], []):
        assert main(["grade", "--no-feedback", *options]) == 0
        assert f"ben/{LESSON}: late penalty: -2 -> 0 points (deadline)" in capsys.readouterr().out
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        assert (_penalty(book, "ben"), book.find_assignment(LESSON).duedate) == (0, None)


def _penalty(book: Any, learner: str) -> float:
    return float(book.find_submission_notebook(LESSON, LESSON, learner).late_submission_penalty or 0)
