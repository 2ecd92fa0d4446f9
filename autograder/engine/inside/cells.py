"""Runs a learner's cells in an IPython shell, and puts cases to what they left behind.

Lives in the process that belongs to one submission. Everything here is within the learner's reach.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager

from sumskip.checking.core import Case, Interrupted
from sumskip.checking.probe import probe

from . import frames, walls
from .notebook import OutlineError, read_outline, salvaged
from .pictures import Gathered, PictureError, drawn_anew
from .shell import Capped, PlainHook, Shell
from .traced import traced
from .tripwire import BY_COMPILING, Tripwire
from .unpack import unpack_zip


class TimeLimit(Interrupted):
    """A cell or a question ran too long. No `except Exception` in a learner's loop stops it.

    `starved` where it had less than half of a core meanwhile: it slept, or others left it no time.
    """

    starved = False


class Session:
    """One submission: its shell, its prints, and the answers it gives."""

    def __init__(self, shell: Shell, tripwire: Tripwire) -> None:
        self.shell, self.tripwire = shell, tripwire
        self.out, self.err = Capped(), Capped()
        sys.stdin = io.StringIO()
        signal.signal(signal.SIGALRM, self._too_long)
        self._limit = 0.0
        self._unchanged = False  # as the last look showed, after which no cell has run
        self._taken = bytearray()
        self._members: list[bytes] = []
        self._gathered = Gathered()
        self._asked: dict[str, Any] = {}  # the answers that were judged: a later cell may take their name

    def _too_long(self, number: int, frame: FrameType | None) -> None:
        over = TimeLimit(f"stopped after {self._limit:g} s")
        over.starved = time.process_time() - self._before < self._limit / 2
        raise over

    @contextmanager
    def _at_most(self, seconds: float) -> Iterator[None]:
        self._limit, self._before = seconds, time.process_time()
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def files(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Put the submission's other files into the working folder."""
        for name, content in arrays.items():
            Path(Path(name).name).write_bytes(content.tobytes())
        return {}

    def take(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Another piece of a notebook file."""
        self._taken += arrays["piece"].tobytes()
        return {}

    def read(self, seconds: float) -> dict[str, Any]:
        """The outline of the notebook file that was taken, or why there is none and what can be shown."""
        with self._at_most(seconds):
            beside = {file.name: file.read_bytes() for file in Path().iterdir() if file.is_file()}
            self._gathered = Gathered(beside)
            try:
                return read_outline(bytes(self._taken), self._gathered).to_json()
            except OutlineError as error:
                return {"refused": str(error)[:400], "shown": salvaged(bytes(self._taken))}

    def picture(self, name: str, seconds: float) -> dict[str, Any]:
        """One of the pictures that the outline names."""
        with self._at_most(seconds):
            return {"picture": drawn_anew(self._gathered.found.get(name, b""))}

    def unpack(self, seconds: float) -> dict[str, Any]:
        """What lies in the zip that was taken; `member` gives the bytes."""
        with self._at_most(seconds):
            members, left = unpack_zip(bytes(self._taken))
        self._members = list(members.values())
        return {"names": list(members), "sizes": [len(member) for member in self._members], "left": left}

    def member(self, number: int, start: int) -> dict[str, Any]:
        """A piece of a file in the zip."""
        piece = self._members[number][start : start + frames.MAX_BODY]
        return {"piece": np.frombuffer(piece, np.uint8)}

    def run(self, source: str, seconds: float) -> dict[str, Any]:
        """Run one cell; what it printed, and the error that ended it with the line it was on."""
        self._unchanged = False
        self.out.start()
        self.err.start()
        sys.stdout, sys.stderr = self.out, self.err
        # A cell cannot rewrite the next one: an honest notebook has no use for that.
        self.shell.input_transformer_manager = TransformerManager()
        self.shell.input_transformers_post = []
        self.shell.ast_transformers = []
        PlainHook.silent = source.rstrip().endswith(";")
        problem: BaseException | None = None
        try:
            with self._at_most(seconds):
                result = self.shell.run_cell(source, store_history=False)
                problem = result.error_before_exec or result.error_in_exec
        except BaseException as error:  # what escapes IPython ends the cell, not the submission
            problem = error
        if "matplotlib.pyplot" in sys.modules:
            with suppress(Exception):
                sys.modules["matplotlib.pyplot"].close("all")
        reply: dict[str, Any] = {"stdout": self.out.text(), "stderr": self.err.text()}
        if problem is not None:
            reply["error"] = _describe(problem)
            reply["stopped"] = isinstance(problem, TimeLimit)
            reply["starved"] = isinstance(problem, TimeLimit) and problem.starved
        return reply

    def ask(self, symbol: str, case: dict[str, Any], seconds: float) -> Any:
        if not self._unchanged:
            self._refuse_changes()
        self._unchanged = False
        answer = self._asked[symbol] = self.shell.user_ns.get(symbol)
        with self._at_most(seconds):
            observation = probe(answer, Case.from_json(case))
        self._refuse_changes()
        self._unchanged = True
        return observation

    def trace(self, symbol: str, case: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What the model of an answer that was judged does with one case."""
        self._unchanged = False
        with self._at_most(seconds):
            return {"trace": traced(self._asked.get(symbol), Case.from_json(case))}

    def _refuse_changes(self) -> None:
        replaced = self.tripwire.changed()
        if set(replaced) == BY_COMPILING:
            raise frames.FrameError("the notebook uses `torch.compile`, which is not graded: take it out")
        if replaced:
            raise frames.FrameError(f"the notebook replaced {', '.join(replaced[:3])}")


def _describe(problem: BaseException) -> dict[str, Any]:
    """An error's name, message and line, of which none may be what it seems: `str(error)` is theirs."""
    try:
        message = str(problem)
    except BaseException:
        message = "(an error whose message cannot be shown)"
    return {"name": type(problem).__name__[:80], "message": message[:1000], "line": _line(problem)}


def _line(problem: BaseException) -> int | None:
    if isinstance(problem, SyntaxError):
        return problem.lineno if isinstance(problem.lineno, int) else None
    line, trace = None, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<ipython-input"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def serve(channel: socket.socket, shell: Shell, tripwire: Tripwire) -> None:
    """Answer the grader until it hangs up."""
    session = Session(shell, tripwire)
    here = os.getpid()
    while os.getpid() == here and (frame := frames.receive(channel)) is not None:
        header, arrays = frames.unpack(frame)
        reply = _answer(session, header, arrays)
        if os.getpid() != here:  # a learner's fork that came back from the cell is not the submission
            os._exit(0)
        channel.sendall(reply)


def _answer(session: Session, header: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    nonce, do = header["nonce"], header["do"]
    if do == "ask":
        seen = partial(session.ask, header["symbol"], header["case"], header["seconds"])
        return _or_refused(nonce, lambda: frames.pack_observation(seen(), nonce))
    if do == "trace":
        drawn = partial(session.trace, header["symbol"], header["case"], header["seconds"])
        return _or_refused(nonce, lambda: frames.pack({"nonce": nonce, **drawn()}))
    if do == "read":
        read = partial(session.read, header["seconds"])
        return _or_refused(nonce, lambda: frames.pack({"nonce": nonce, **read()}))
    if do == "unpack":
        unpack = partial(session.unpack, header["seconds"])
        return _or_refused(nonce, lambda: frames.pack({"nonce": nonce, **unpack()}))
    if do == "member":
        return frames.pack({"nonce": nonce}, session.member(header["number"], header["start"]))
    if do == "picture":
        draw = partial(session.picture, header["name"], header["seconds"])
        return _or_refused(nonce, lambda: frames.pack({"nonce": nonce}, draw()))
    if do == "run":
        return frames.pack({"nonce": nonce, **session.run(header["source"], header["seconds"])})
    if do == "take":
        return frames.pack({"nonce": nonce, **session.take(arrays)})
    if do == "files":
        return frames.pack({"nonce": nonce, **session.files(arrays)})
    return frames.pack({"nonce": nonce, "breaches": walls.breaches(**header["walls"])})


def _or_refused(nonce: str, answer: Callable[[], bytes]) -> bytes:
    try:
        return answer()
    except (frames.FrameError, OutlineError, PictureError) as error:  # an array of text, say
        why = str(error)[:400]
    except TimeLimit as error:
        return frames.pack({"nonce": nonce, "refused": f"the answer was {error}", "starved": error.starved})
    except BaseException as error:
        why = f"{type(error).__name__[:80]} ended the question"
    return frames.pack({"nonce": nonce, "refused": why})
