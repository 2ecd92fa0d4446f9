"""`python -m autograder keys`: a badly made exercise is refused, and only what changed is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from autograder.__main__ import main
from autograder.exercises import EXERCISES
from autograder.exercises.vocabulary import Exercise, Misconception, asked, images, model_parts, predictions
from autograder.keys import making as keys
from autograder.keys import public as public_keys
from sumskip.checking.core import Hint, Part

OUTPUTS = EXERCISES["intermediate_outputs"]
ADDITION = replace(
    EXERCISES["addition_model"],
    variants=images(3)[:1],
    wrong=tuple(known for known in EXERCISES["addition_model"].wrong if known.id == "no-return"),
)
RIGHT = OUTPUTS.answer
HALF = Misconception("averaged", lambda model, x: [y / 2 for y in RIGHT(model, x)], "Half of it came out.")
BOTH = {"wrong": (HALF,), "variants": OUTPUTS.variants[:1]}


def stops(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    raise ZeroDivisionError("a slip")


class Silent(ADDITION.answer):  # type: ignore[misc]
    def forward(self, x: Tensor) -> None:
        super().forward(x)


class Flat(nn.Module):
    """Its ReLU always stands on its kink."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(0 * self.conv(x))


def changed(exercise: Exercise, **changes: Any) -> Exercise:
    """Without its hints, which belong to the wrong models that it had."""
    return replace(exercise, **{"hints": (), **changes})


def asking(answer: Any, wrong: dict[Any, tuple[str, str]], points: float = 2) -> Exercise:
    """Two questions, of which the first is as told."""
    whole = ("x", "y", "z")
    return predictions(
        "said",
        points,
        asked("first", "choice", answer, wrong, choices=whole),
        asked("second", "number", 7, {8: ("one-more", "8 is 7 + 1. What is 7?")}),
    )


SOUND = {
    "a function": changed(OUTPUTS, **BOTH),
    "predictions": asking("x", {"y": ("no", "y comes later. What comes first?")}),
    "two guises of one mistake": changed(OUTPUTS, **{**BOTH, "wrong": (HALF, HALF)}),
    "halves of a point": asking("x", {}, points=2.5),
}
UNSOUND: dict[str, tuple[Exercise, str]] = {
    "the answer stops": (changed(OUTPUTS, answer=stops), "own answer fails its own check.*a slip"),
    "the answer is none": (changed(OUTPUTS, answer=None, binds="outputs"), "own answer fails its own check"),
    "the answer returns nothing": (changed(ADDITION, answer=Silent), "'no-return' does what the right one"),
    "no draw serves": (changed(ADDITION, answer=Flat), "ReLUs away from zero"),
    "no cases": (changed(OUTPUTS, variants=()), "asks nothing"),
    "a misspelt case": (changed(OUTPUTS, variants=({"input": ()},)), "variants are no cases.*'input'"),
    "a wrong model is right": (
        changed(OUTPUTS, **{**BOTH, "wrong": (replace(HALF, build=RIGHT),)}),
        "'averaged' does what the right one does",
    ),
    "a wrong model is another, which says something else": (
        changed(OUTPUTS, **{**BOTH, "wrong": (HALF, replace(HALF, sentence="Double it."))}),
        r"'averaged' \(Double it.\) is taken for 'averaged' \(Half of it came out.\)",
    ),
    "a wrong model is another, under another name": (
        changed(OUTPUTS, **{**BOTH, "wrong": (HALF, replace(HALF, id="halved"))}),
        r"'halved' \(Half of it came out.\) is taken for 'averaged'",
    ),
    "parts of another kind": (changed(OUTPUTS, parts=model_parts(1, 3, 2, 2)), "expected points for shape"),
    "a part for nothing": (
        changed(OUTPUTS, parts=tuple(replace(part, points=0) for part in OUTPUTS.parts)),
        "do not add up",
    ),
    "a part below nothing": (
        changed(ADDITION, parts=model_parts(1, 10, -1, -2)),
        "do not add up: shape 1, values 10, gradients -1, parameters -2 make 8",
    ),
    "points that no mark can show": (changed(ADDITION, parts=model_parts(1, 1, 1, 1 / 3)), "make 3.33333"),
    "points without end": (changed(ADDITION, parts=model_parts(1, 1, 1, float("inf"))), "do not add up"),
    "points that are no number": (changed(ADDITION, parts=model_parts(1, 1, 1, float("nan"))), "not add up"),
    "a part twice": (changed(OUTPUTS, parts=(*OUTPUTS.parts, OUTPUTS.parts[0])), "expected points for shape"),
    "a part that needs a later one": (
        changed(OUTPUTS, parts=(Part("shape", 2, "", ("values",)), *OUTPUTS.parts[1:])),
        "the part shape needs values, which must stand before it",
    ),
    "a hint for a mistake that nobody makes": (
        changed(OUTPUTS, hints=(Hint("Look again.", "only-last only-lost"),)),
        "the hint 'Look again.' belongs to .*only-lost, but no wrong model has that id",
    ),
    "an answer that is no choice": (
        asking("w", {}),
        "own answer fails its own check: first: expected one of",
    ),
    "a form that there is not": (
        predictions("said", 1, asked("first", "numbr", 7, {})),
        "first: there is no form 'numbr'",
    ),
    "a wrong choice is right": (asking("x", {"X": ("no", "Why?")}), "'no' does what the right one does"),
    "a wrong choice twice": (
        asking("x", {"y": ("no", "Why?"), "Y": ("never", "Why not?")}),
        r"'never' \(first: Why not\?\) is taken for 'no'",
    ),
}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Exercise], Path]:
    """Has a course of one exercise, whose public keys are in a folder of their own."""

    def install(exercise: Exercise) -> Path:
        for module in (keys, public_keys):
            monkeypatch.setattr(module, "EXERCISES", {"an_exercise": replace(exercise, name="an_exercise")})
        monkeypatch.setattr(public_keys, "PUBLIC_KEYS", tmp_path)
        monkeypatch.setattr(keys, "_MOST_DRAWS", 2)
        return tmp_path / "an_exercise.npz"

    return install


@pytest.mark.parametrize(("exercise", "reason"), UNSOUND.values(), ids=UNSOUND)
def test_a_badly_made_exercise_is_refused(
    exercise: Exercise, reason: str, only: Callable[[Exercise], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr says which exercise it is and why, the status is 2, and nothing is written."""
    path = only(exercise)
    assert main(["keys"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("autograder keys: an_exercise: ")
    assert re.search(reason, err), err
    assert not path.exists()


@pytest.mark.parametrize("exercise", SOUND.values(), ids=SOUND)
def test_a_sound_exercise_gets_its_key(exercise: Exercise, only: Callable[[Exercise], Path]) -> None:
    path = only(exercise)
    assert main(["keys"]) == 0
    assert path.exists()
    assert main(["keys", "--check"]) == 0


def rewritten(path: Path, scale: float = 1.0, facts: tuple[str, str] = ("", "")) -> bytes:
    """The key on disk with other numbers, or other words among its facts."""
    with np.load(path) as file:
        meta, values = file["meta"].tobytes().decode(), file["values"]
    changed = meta.replace(*facts)
    json.loads(changed)
    np.savez_compressed(
        path, meta=np.frombuffer(changed.encode(), np.uint8), values=values * np.float32(scale)
    )
    return path.read_bytes()


def test_only_what_changed_is_written(
    only: Callable[[Exercise], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that differs by rounding, or by the line at which a model stopped, stays as it is on disk."""
    broken = Misconception("stops", stops, "It stopped.")
    path = only(changed(OUTPUTS, wrong=(broken,), variants=BOTH["variants"]))
    assert main(["keys"]) == 0
    assert capsys.readouterr().out.startswith("wrote an_exercise.npz: ")
    line = stops.__code__.co_firstlineno + 1
    for same in ({"scale": 1 + 3e-7}, {"facts": (f'"line": {line}', '"line": 7')}):
        there = rewritten(path, **same)  # type: ignore[arg-type]
        assert main(["keys"]) == 0
        assert capsys.readouterr().out == "1 public keys are up to date\n"
        assert path.read_bytes() == there
    for other in ({"scale": 1.001}, {"facts": ('"input_changed": false', '"input_changed": true')}):
        there = rewritten(path, **other)  # type: ignore[arg-type]
        assert main(["keys", "--check"]) == 1
        assert capsys.readouterr().out.startswith("stale: an_exercise;")
        assert main(["keys"]) == 0
        assert capsys.readouterr().out.startswith("wrote an_exercise.npz: ")
        assert path.read_bytes() != there


def test_a_damaged_key_is_made_again_and_one_without_exercise_is_removed(
    only: Callable[[Exercise], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = only(SOUND["a function"])
    path.write_bytes(b"PK no")
    path.with_name("gone.npz").write_bytes(b"")
    assert main(["keys", "--check"]) == 1
    assert capsys.readouterr().out == "stale: gone, an_exercise; run python -m autograder keys\n"
    assert main(["keys"]) == 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert main(["keys", "--check"]) == 0


def test_a_name_looks_at_that_exercise_alone(
    only: Callable[[Exercise], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = only(SOUND["a function"])
    both = {**public_keys.EXERCISES, "another": replace(SOUND["a function"], name="another")}
    for module in (keys, public_keys):
        monkeypatch.setattr(module, "EXERCISES", both)
    assert main(["keys", "an_exercise"]) == 0
    assert capsys.readouterr().out.endswith("\n1 public keys are up to date\n")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert main(["keys", "--check", "an_exercise"]) == 0
    assert main(["keys", "--check"]) == 1
    assert main(["keys", "an_exercize"]) == 2
    assert "no exercise an_exercize; there are an_exercise, another" in capsys.readouterr().err
