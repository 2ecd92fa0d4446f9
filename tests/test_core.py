"""The vocabulary: cases are plain data, and numbers are the same everywhere."""

import json

import numpy as np
import pytest

from sumskip.checking.core import Case, Report
from sumskip.seeded import numbers


def test_a_case_survives_json() -> None:
    """A case comes back equal from its JSON text, tuples included."""
    case = Case(
        "1", "module", "seed", (6, 9, 2), ((3, 6, 8, 6),), "eval", False, 0.3, 2, {"roles": {"a": [1]}}
    )
    assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case


def test_numbers_are_fixed_for_ever() -> None:
    """Keys on disk hold only if these three numbers never change."""
    expected = [-0.7177, 0.0367, 0.8887]
    assert numbers("seed", "conv2d#1.weight", (3,)).round(4).tolist() == expected


def test_numbers_spread_over_the_interval() -> None:
    """Uniform on [-1, 1): mean near 0, variance near 1/3, and no two names alike."""
    many = numbers("seed", "input#1", (100, 100))
    assert abs(many.mean()) < 0.02
    assert many.var() == pytest.approx(1 / 3, abs=0.01)
    assert many.min() >= -1
    assert many.max() < 1
    assert not np.allclose(many, numbers("seed", "input#2", (100, 100)))


def test_a_report_as_json_has_just_the_contract() -> None:
    """What `check --json` prints for an exercise has these six entries."""
    report = Report("addition_model", 3.0, 8.0, "failed", "Sentence.", "averaged", details=("secret?",))
    assert report.to_json() == {
        "exercise": "addition_model",
        "score": 3.0,
        "max_score": 8.0,
        "status": "failed",
        "diagnosis": "averaged",
        "message": "Sentence.",
    }
