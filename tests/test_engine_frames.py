"""Frames carry plain data whole; everything else is refused with one FrameError."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.engine.inside import frames
from sumskip.checking.core import Case, Observation

NONCE = "a" * 32
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ARRAYS = st.sampled_from(sorted(frames.DTYPES)).flatmap(
    lambda name: arrays.arrays(frames.DTYPES[name], SHAPES)
)
FACTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), ARRAYS, max_size=3), FACTS)
def test_an_observation_comes_out_as_it_went_in(given_arrays: dict[str, Any], fact: Any) -> None:
    """Every dtype, shape and bit of an array, NaN among them, and every fact."""
    frame = frames.pack_observation(Observation(given_arrays, {"fact": fact}), NONCE)
    came = frames.unpack_observation(frame, NONCE)
    assert came.facts == {"fact": fact}
    assert list(came.arrays) == list(given_arrays)
    for name, array in given_arrays.items():
        assert came.arrays[name].dtype == array.dtype
        assert came.arrays[name].shape == array.shape
        assert came.arrays[name].tobytes() == array.tobytes()
        assert not came.arrays[name].flags.writeable


def test_a_case_comes_out_as_it_went_in() -> None:
    case = Case(
        "1", "module", "seed", (3, 8), ((2, 3, 8, 7),), "eval", False, 0.3, 2, {"a": [1, {"b": None}]}
    )
    header, _ = frames.unpack(frames.pack({"case": case.to_json()}))
    assert Case.from_json(header["case"]) == case


def test_arrays_of_any_memory_order_arrive_in_theirs() -> None:
    array = np.arange(24, dtype=">f4").reshape(2, 3, 4).transpose(2, 0, 1)[::-1]
    _, came = frames.unpack(frames.pack({}, {"a": array}))
    assert np.array_equal(came["a"], array)


def frame(header: bytes, body: bytes = b"", magic: bytes = frames.MAGIC) -> bytes:
    return struct.pack("<4sIQ", magic, len(header), len(body)) + header + body


def announced(*entries: Any, body: bytes = b"") -> bytes:
    return frame(json.dumps({"nonce": NONCE, "facts": {}, "arrays": entries}).encode(), body)


deep = "[" * 40 + "]" * 40
JUNK = {
    "nothing": b"",
    "too short": b"S&S1",
    "another magic": frame(b"{}", magic=b"PICK"),
    "a pickle": b"\x80\x04\x95" + b"." * 40,
    "a header that is longer than announced": frame(b"{}") + b"x",
    "a header without end": struct.pack("<4sIQ", frames.MAGIC, 10, 0) + b"{}",
    "a huge header": struct.pack("<4sIQ", frames.MAGIC, frames.MAX_HEADER + 1, 0),
    "a huge body": struct.pack("<4sIQ", frames.MAGIC, 2, frames.MAX_BODY + 1) + b"{}",
    "no JSON": frame(b"{'a': 1}"),
    "no UTF-8": frame(b'{"\xff": 1}'),
    "a list": frame(b'[{"arrays": []}]'),
    "no list of arrays": frame(b'{"arrays": {}}'),
    "NaN": frame(b'{"arrays": [], "a": NaN}'),
    "an infinite number": frame(b'{"arrays": [], "a": 1e999}'),
    "a huge integer": frame(b'{"arrays": [], "a": ' + b"9" * 5000 + b"}"),
    "half a character": frame(b'{"arrays": [], "a": "\\ud800"}'),
    "a half character as a key": frame(b'{"arrays": [], "a": {"\\udc00": 1}}'),
    "deep": frame(b'{"arrays": [], "a": ' + deep.encode() + b"}"),
    "deeper than the parser": frame(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "too many values": frame(b'{"arrays": [], "a": [' + b"1," * frames.MAX_NODES + b"1]}"),
    "too many arrays": announced(*[[str(i), "bool", [0]] for i in range(frames.MAX_ARRAYS + 1)]),
    "an array that is no triple": announced(["a", "float32"]),
    "a name that is no text": announced([1, "float32", [0]]),
    "a long name": announced(["a" * 1000, "float32", [0]]),
    "an object array": announced(["a", "object", [1]], body=b"x" * 8),
    "a dtype of fields": announced(["a", [["b", "<f4"]], [1]], body=b"x" * 4),
    "a dtype by its code": announced(["a", "O", [1]], body=b"x" * 8),
    "too many dimensions": announced(["a", "bool", [1] * 9], body=b"\x00"),
    "a negative size": announced(["a", "bool", [-1]], body=b""),
    "a size that is true": announced(["a", "bool", [True]], body=b"\x00"),
    "a size that is no whole number": announced(["a", "bool", [1.0]], body=b"\x00"),
    "a product that overflows": announced(["a", "float64", [2**26, 2**26, 2**26]]),
    "fewer bytes than announced": announced(["a", "float32", [3]], body=b"\x00" * 8),
    "more bytes than announced": announced(["a", "float32", [1]], body=b"\x00" * 8),
    "the same name twice": announced(["a", "bool", [1]], ["a", "bool", [1]], body=b"\x00\x00"),
    "booleans that are neither": announced(["a", "bool", [2]], body=b"\x00\x02"),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_is_refused_in_one_way(junk: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.unpack(junk)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_fail(junk: bytes) -> None:
    for bytes_ in (junk, frame(junk), frame(b'{"arrays": []}', junk) if junk else b""):
        with pytest.raises(frames.FrameError):
            frames.unpack(bytes_)


@pytest.mark.parametrize("nonce", ["b" * 32, "", None, 0, ["a" * 32]])
def test_an_answer_to_another_question_is_refused(nonce: Any) -> None:
    with pytest.raises(frames.FrameError, match="another question"):
        frames.unpack_observation(frames.pack({"nonce": nonce, "facts": {}}), NONCE)


def test_an_answer_without_facts_is_refused() -> None:
    with pytest.raises(frames.FrameError, match="no facts"):
        frames.unpack_observation(frames.pack({"nonce": NONCE, "facts": [1]}), NONCE)


@pytest.mark.parametrize(
    ("facts", "arrays_"),
    [
        ({"a": float("nan")}, {}),
        ({"a": object()}, {}),
        ({}, {"a": np.array([object()])}),
        ({}, {"a": np.array(["text"])}),
        ({}, {"a": np.zeros(2, dtype="complex64")}),
        ({}, {"a": np.zeros(frames.MAX_BODY + 1, dtype="bool")}),
        ({"a": "x" * (frames.MAX_HEADER + 1)}, {}),
    ],
)
def test_what_the_other_side_would_refuse_is_not_sent(facts: Any, arrays_: Any) -> None:
    with pytest.raises(frames.FrameError):
        frames.pack_observation(Observation(arrays_, facts), NONCE)


def test_receive_reads_one_frame_and_keeps_the_next() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        first, second = frames.pack({"n": 1}), frames.pack({"n": 2}, {"a": np.arange(3.0)})
        theirs.sendall(first + second)
        assert frames.receive(ours) == first
        assert frames.receive(ours) == second
        theirs.close()
        assert frames.receive(ours) is None


@pytest.mark.parametrize("cut", [1, 15, 16, 20])
def test_a_frame_that_breaks_off_is_refused(cut: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.pack({"some": "header"})[:cut])
        theirs.close()
        with pytest.raises(frames.FrameError):
            frames.receive(ours)


def test_a_frame_that_trickles_in_runs_out_of_time() -> None:
    """Not a limit for each read: whoever sends a byte now and then would hold the grader for ever."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.pack({"some": "header"})[:-1])
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            frames.receive(ours, started + 0.1)
        assert time.monotonic() - started < 5
