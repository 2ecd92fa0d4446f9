"""Cases and observations as bytes: what crosses the wall between grader and learner.

A frame is a preamble of 16 bytes (magic, length of the header, length of the body), a header of
UTF-8 JSON, and a body of raw array bytes. The header says how to read the body:
`{"nonce": "…", …, "arrays": [[name, dtype, shape], …]}`. Nothing that can run is ever sent, and
nothing is read before its size, its dtype and its depth are known to be allowed: whoever sends may
be hostile. Every fault in a frame is one `FrameError`.
"""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import time
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np

from sumskip.checking.core import Array, Observation

MAGIC = b"S&S1"
_PREAMBLE = struct.Struct("<4sIQ")
_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_HEADER = 4 << 20  # bytes
MAX_NODES = 100_000  # values in a header
MAX_BODY = 8 << 20  # bytes; the largest honest observation has less than one MB
MAX_ARRAYS = 256
MAX_DIMENSIONS = 8
MAX_DEPTH = 12
MAX_NAME = 120  # characters of an array's name
MAX_INTEGER = 1 << 63
DTYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
}


class FrameError(Exception):
    """A frame that is no frame, is too large, or answers another question."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """One frame. `arrays` may have any shape of at most 8 dimensions and a dtype of `DTYPES`.

    Raises:
        FrameError: where the other side would refuse the frame.
    """
    listed: list[tuple[str, str, tuple[int, ...]]] = []
    chunks: list[bytes] = []
    for name, given in (arrays or {}).items():
        array = np.asarray(given)
        dtype = DTYPES.get(array.dtype.name)
        if dtype is None:
            raise FrameError(f"array {name!r} has dtype {array.dtype}; a frame takes {', '.join(DTYPES)}")
        listed.append((name, array.dtype.name, array.shape))
        chunks.append(np.ascontiguousarray(array, dtype=dtype).tobytes())
    try:
        # Half a character ("\ud800") cannot be sent, and is no reason to lose all the rest.
        text = json.dumps({**header, "arrays": listed}, allow_nan=False, ensure_ascii=False)
        head = text.encode(errors="replace")
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"the header is not plain JSON: {error}") from None
    body = b"".join(chunks)
    _check_sizes(len(head), len(body))
    return _PREAMBLE.pack(MAGIC, len(head), len(body)) + head + body


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header (without `arrays`) and the arrays of one whole frame; the arrays are read-only.

    Raises:
        FrameError: for anything that `pack` would not have made.
    """
    if len(frame) < _PREAMBLE.size:
        raise FrameError(f"a frame has at least {_PREAMBLE.size} bytes, this one {len(frame)}")
    head_size, body_size = _sizes(frame[: _PREAMBLE.size])
    if len(frame) != _PREAMBLE.size + head_size + body_size:
        raise FrameError("the frame's length is not the one it announced")
    header = _header(frame[_PREAMBLE.size : _PREAMBLE.size + head_size])
    return header, _arrays(header.pop("arrays", None), memoryview(frame)[_PREAMBLE.size + head_size :])


def _check_sizes(head_size: int, body_size: int) -> None:
    if head_size > MAX_HEADER:
        raise FrameError(f"the header has {head_size} bytes; at most {MAX_HEADER} are taken")
    if body_size > MAX_BODY:
        raise FrameError(f"the arrays have {body_size} bytes; at most {MAX_BODY} are taken")


def _sizes(preamble: bytes) -> tuple[int, int]:
    magic, head_size, body_size = _PREAMBLE.unpack(preamble)
    if magic != MAGIC:
        raise FrameError("these bytes are not a frame")
    _check_sizes(head_size, body_size)
    return head_size, body_size


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)  # 1e999 is inf
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not finite")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) < 21 else MAX_INTEGER
    if not -MAX_INTEGER < value < MAX_INTEGER:
        raise ValueError(f"{text[:20]}… is too large an integer")
    return value


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, parse_int=_integer)


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is not plain JSON: {str(error)[:200]}") from None
    if not isinstance(header, dict):
        raise FrameError(f"the header is a {type(header).__name__}, not an object")
    _check_tree(header)
    return header


def _check_tree(header: Any) -> None:
    """Bounded size and depth, and only text that can be written down again (no lone surrogates)."""
    waiting: list[tuple[Any, int]] = [(header, 0)]
    for seen in count():
        if not waiting:
            return
        value, depth = waiting.pop()
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise FrameError(f"the header has over {MAX_NODES} values, or is nested over {MAX_DEPTH} deep")
        if isinstance(value, str) and _SURROGATE.search(value):
            raise FrameError("the header has text that is not Unicode")
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for item in value.items() for part in item]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _arrays(listed: Any, body: memoryview) -> dict[str, Array]:
    if not isinstance(listed, list) or len(listed) > MAX_ARRAYS:
        raise FrameError(f"`arrays` must be a list of at most {MAX_ARRAYS}")
    arrays: dict[str, Array] = {}
    at = 0
    for entry in listed:
        name, dtype, shape = _entry(entry)
        if name in arrays:
            raise FrameError(f"array {name!r} comes twice")
        size = math.prod(shape) * dtype.itemsize
        if at + size > len(body):
            raise FrameError(f"array {name!r} is longer than the body")
        array = np.frombuffer(body[at : at + size], dtype=dtype).reshape(shape)
        if dtype.kind == "b" and size and int(array.view(np.uint8).max()) > 1:
            raise FrameError(f"array {name!r} has booleans that are neither 0 nor 1")
        array.flags.writeable = False
        arrays[name] = array
        at += size
    if at != len(body):
        raise FrameError(f"{len(body) - at} bytes of the body belong to no array")
    return arrays


def _entry(entry: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not (isinstance(entry, list) and len(entry) == 3):
        raise FrameError("an array is announced as [name, dtype, shape]")
    name, dtype, shape = entry
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise FrameError(f"an array's name is text of at most {MAX_NAME} characters")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise FrameError(f"array {name!r}: unknown dtype")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise FrameError(f"array {name!r}: a shape is a list of at most {MAX_DIMENSIONS} sizes")
    # type(), not isinstance(): True is an int, but no size.
    if not all(type(size) is int and 0 <= size <= MAX_BODY for size in shape):
        raise FrameError(f"array {name!r}: a size is a whole number between 0 and {MAX_BODY}")
    # An array without elements may still have a shape that NumPy cannot count.
    if math.prod(size for size in shape if size) > MAX_BODY:
        raise FrameError(f"array {name!r} has a shape of more than {MAX_BODY} elements")
    return name, DTYPES[dtype], tuple(shape)


def receive(channel: socket.socket, deadline: float | None = None) -> bytes | None:
    """Read one whole frame, or None where the other side has closed. `deadline`: `time.monotonic()`.

    Raises:
        FrameError: for bytes that are no frame, or a frame that breaks off.
        TimeoutError: where the frame is not there in time.
    """
    preamble = _read(channel, _PREAMBLE.size, deadline)
    if not preamble:
        return None
    if len(preamble) < _PREAMBLE.size:
        raise FrameError("the frame breaks off")
    size = sum(_sizes(preamble))
    rest = _read(channel, size, deadline)
    if len(rest) < size:
        raise FrameError("the frame breaks off")
    return preamble + rest


def _read(channel: socket.socket, size: int, deadline: float | None) -> bytes:
    chunks = bytearray()
    while len(chunks) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        chunk = channel.recv(min(size - len(chunks), 1 << 20))
        if not chunk:
            break
        chunks += chunk
    return bytes(chunks)


def pack_observation(observation: Observation, nonce: str) -> bytes:
    """The answer to the question that carried `nonce`."""
    return pack({"nonce": nonce, "facts": dict(observation.facts)}, observation.arrays)


def unpack_observation(frame: bytes, nonce: str) -> Observation:
    """Read an answer, and refuse one that was made before the question was put.

    Raises:
        FrameError: for junk, or another question's answer.
    """
    header, arrays = unpack(frame)
    if header.get("nonce") != nonce:
        raise FrameError("the reply belongs to another question")
    facts = header.get("facts")
    if not isinstance(facts, dict):
        raise FrameError("the reply has no facts")
    return Observation(arrays=arrays, facts=facts)
