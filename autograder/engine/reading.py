"""Files read in the sandbox: a notebook's texts and then each of its pictures, or what lies in a zip."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from autograder.engine.inside import frames
from autograder.engine.inside.notebook import Outline, OutlineError
from autograder.engine.inside.pictures import LONGEST, MOST, PICTURES
from autograder.engine.inside.unpack import MOST_MEMBERS, MOST_UNPACKED
from autograder.engine.sandbox import Child, ChildLostError
from sumskip.checking.core import Array


def read_walled(child: Child, raw: bytes, beside: Mapping[str, bytes], seconds: float) -> Outline:
    """The outline of a notebook by a process that no learner's code has been in, with its pictures.

    A picture that ends the process, or takes too long, costs the pictures after it and no text.

    Raises:
        OutlineError: these bytes are no notebook that can be read.
    """
    pictures = {name: data for name, data in beside.items() if Path(name).suffix.lower() in PICTURES}
    try:
        _hand_over(child, raw, seconds)
        for name, data in pictures.items():
            child.request({"do": "files"}, seconds, {name: np.frombuffer(data, np.uint8)})
        reply, _ = child.request({"do": "read"}, seconds)
    except ChildLostError as lost:
        raise OutlineError(f"expected a notebook, got what cannot be read: {lost}") from None
    if "refused" in reply:
        shown = reply.get("shown")
        raise OutlineError(str(reply["refused"]), shown if isinstance(shown, list) else ())
    outline = Outline.from_json(reply)
    drawn: dict[str, Array] = {}
    reasons: dict[str, str] = {}
    until = time.monotonic() + seconds
    # They are counted in the order in which they were found: the first have room.
    for name in [name for name in outline.named_pictures() if int(name.rpartition("-")[2]) <= MOST][:MOST]:
        try:
            drawn[name] = _drawn(child, name, until - time.monotonic())
        except (ChildLostError, frames.FrameError, OutlineError) as error:
            reasons[name] = " ".join(str(error).split())[:100]
    return outline.with_pictures(drawn, lambda name: reasons.get(name, f"only {MOST} pictures are shown"))


def _drawn(child: Child, name: str, seconds: float) -> Array:
    if seconds <= 0:
        raise OutlineError("the pictures took too long")
    reply, frame = child.request({"do": "picture", "name": name}, seconds)
    if "refused" in reply:
        raise OutlineError(str(reply["refused"]))
    array = frames.unpack(frame)[1].get("picture")
    if array is None or array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise OutlineError("it came out as no picture")
    if not 0 < max(array.shape[:2]) <= LONGEST or not array.size:
        raise OutlineError("it came out too large")
    return array


def unpack_walled(child: Child, raw: bytes, seconds: float) -> tuple[dict[str, bytes], list[str]]:
    """The files in a zip, by the names that they say they have, and what was left in it.

    Raises:
        OutlineError: these bytes are no zip that can be opened.
    """
    try:
        _hand_over(child, raw, seconds)
        reply, _ = child.request({"do": "unpack"}, seconds)
        if "refused" in reply:
            raise OutlineError(str(reply["refused"]))
        names, sizes, left = (reply[key][:MOST_MEMBERS] for key in ("names", "sizes", "left"))
        if sum(sizes) > MOST_UNPACKED:
            raise OutlineError("expected a zip, got one that holds too much; hand in the notebook itself")
        found = {
            name: b"".join(_pieces(child, number, size, seconds))
            for number, (name, size) in enumerate(zip(names, sizes, strict=True))
        }
    except ChildLostError as lost:
        raise OutlineError(f"expected a zip, got what cannot be opened: {lost}") from None
    return found, left


def _hand_over(child: Child, raw: bytes, seconds: float) -> None:
    for start in range(0, len(raw), frames.MAX_BODY):
        piece = np.frombuffer(raw[start : start + frames.MAX_BODY], np.uint8)
        child.request({"do": "take"}, seconds, {"piece": piece})


def _pieces(child: Child, number: int, size: int, seconds: float) -> Iterator[bytes]:
    for start in range(0, size, frames.MAX_BODY):
        _, frame = child.request({"do": "member", "number": number, "start": start}, seconds)
        yield frames.unpack(frame)[1]["piece"].tobytes()
