"""A notebook's bytes read in the sandbox: its texts first, then each of its pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autograder.engine.inside import frames
from autograder.engine.inside.notebook import Outline, OutlineError
from autograder.engine.inside.pictures import LONGEST, MOST, PICTURES
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
        for start in range(0, len(raw), frames.MAX_BODY):
            piece = np.frombuffer(raw[start : start + frames.MAX_BODY], np.uint8)
            child.request({"do": "take"}, seconds, {"piece": piece})
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
