"""Answer keys: data only, small, reproducible, and public ones hold no answers to predictions."""

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograder.exercises import EXERCISES
from autograder.keys import making
from autograder.keys.making import make_key
from autograder.keys.public import PUBLIC_KEYS, changed_public_keys
from autograder.keys.secret import course_secret, secret_key, secret_seed
from conftest import files_in
from sumskip.checking.core import Case, Observation
from sumskip.checking.judge import judge
from sumskip.checking.key import KeyFileError, from_bytes, public_key, to_bytes
from sumskip.checking.probe import probe


@pytest.mark.slow
@pytest.mark.parametrize("name", EXERCISES)
def test_a_public_key_is_what_would_be_made_now_and_knows_each_wrong_model(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed key follows from the references, the wrong models and the exercise of today; each wrong
    model, as it was observed to make the key, is told its own sentence."""
    seen: dict[Any, Observation] = {}

    def remembered(answer: Any, case: Case) -> Observation:
        asked = (answer, json.dumps(case.to_json()), torch.get_default_dtype())
        if asked not in seen:
            seen[asked] = probe(answer, case)
        return seen[asked]

    monkeypatch.setattr(making, "probe", remembered)
    assert changed_public_keys(PUBLIC_KEYS, [name]) == {}
    others = []
    for known in EXERCISES[name].wrong:
        report = judge(
            public_key(name),
            lambda case, answer=known.build: making.probed(answer, case),
            lambda case, weights: making.rerun(name, case, weights),
        )
        if (report.status, report.diagnosis, report.message) != ("failed", known.id, known.sentence):
            others.append(f"{known.id}: {report.status}, {report.diagnosis}: {report.message}")
    assert not others, "\n".join(others)


def test_public_keys_are_small() -> None:
    """All of them together take at most 1 MB."""
    assert sum(path.stat().st_size for path in PUBLIC_KEYS.glob("*.npz")) <= 1_000_000


def test_every_exercise_has_a_public_key_and_nothing_else_has() -> None:
    assert {path.stem for path in PUBLIC_KEYS.glob("*.npz")} == set(EXERCISES)


def test_keys_hold_no_code() -> None:
    """A key is numbers and text: it loads with pickling forbidden."""
    for path in files_in(PUBLIC_KEYS, "*.npz"):
        with np.load(path, allow_pickle=False) as file:
            assert {file[name].dtype.kind for name in file.files} <= {"u", "f"}


def test_public_keys_do_not_tell_predictions() -> None:
    """Learners hold the public key, so it holds the form of a prediction and never its answer.

    What is said to wrong ones is in there, for the cell that runs what was predicted.
    """
    for name, exercise in EXERCISES.items():
        if exercise.kind == "literals":
            key = public_key(name)
            assert not key.secret
            assert all(question.answer is None for question in key.questions)
            assert [q.wrong for q in key.questions] == [
                tuple((list(v) if isinstance(v, tuple) else v, *said) for v, *said in q.wrong)
                for q in exercise.questions
            ]


def test_a_key_survives_its_file() -> None:
    key = make_key("intermediate_outputs", "a seed")
    data = to_bytes(key)
    again = from_bytes(data)
    assert to_bytes(again) == data
    assert again.cases == key.cases


def test_no_key_is_told_from_a_broken_one() -> None:
    """Both are a broken installation and never the learner's fault."""
    with pytest.raises(KeyFileError, match="not an answer key"):
        from_bytes(b"PK no")
    with pytest.raises(KeyFileError, match="reinstall sumskip"):
        public_key("no_such_exercise")


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = course_secret(tmp_path)
    assert course_secret(tmp_path) == secret
    assert len(secret) == 32
    assert stat.S_IMODE((tmp_path / ".course/secret").stat().st_mode) == 0o600


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".course").mkdir()
    (tmp_path / ".course/secret").write_bytes(b"short")
    with pytest.raises(ValueError, match="at least 16 bytes; it holds 5"):
        course_secret(tmp_path)


def test_secret_cases_differ_from_course_to_course_and_from_the_public_ones() -> None:
    seeds = {secret_seed(b"a" * 32, "addition_model"), secret_seed(b"b" * 32, "addition_model")}
    seeds |= {case.seed.split("/")[0] for case in public_key("addition_model").cases}
    assert len(seeds) == 3


def test_a_stored_secret_key_is_private_and_the_same(tmp_path: Path) -> None:
    """Reading the stored key gives what making it gave; nobody else can read it."""
    made = secret_key("intermediate_outputs", b"s" * 32, tmp_path / "keys")
    secret_key.cache_clear()
    (path,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert to_bytes(secret_key("intermediate_outputs", b"s" * 32, tmp_path / "keys")) == to_bytes(made)


def test_points_are_those_of_the_contract() -> None:
    """Each exercise that learners were promised is there, for its points; others may join them."""
    contract = {
        "predict_flow": 6,
        "sequential_model": 6,
        "intermediate_outputs": 8,
        "predict_addition": pytest.approx(4),
        "repair_addition": 6,
        "addition_model": 8,
        "projected_addition_model": 6,
        "what_trains": pytest.approx(4),
        "weighted_addition_model": 12,
        "fit_alpha": 10,
        "identity_block": 8,
        "plain_vs_residual": 6,
        "residual_block": 12,
        "tiny_resnet": 4,
    }
    assert {name: EXERCISES[name].points for name in contract} == contract


def test_the_meta_of_a_key_is_readable_json() -> None:
    """Anyone can look into a key with NumPy and json alone."""
    with np.load(PUBLIC_KEYS / "addition_model.npz") as file:
        meta = json.loads(file["meta"].tobytes())
    assert meta["exercise"] == "addition_model"
    assert meta["points"] == 8
