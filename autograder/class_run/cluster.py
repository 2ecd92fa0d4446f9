"""Judges on the workers of a Dask cluster (https://distributed.dask.org), each behind walls of its own.

A worker gets the course once, as a plugin: masters, secret and keys. A submission goes to it as its bytes,
and comes back as verdict and notebook; gradebook and pages are this process's alone. Which workers may judge,
each finds out for itself: one whose walls do not hold, or that has another version, says so and gets nothing.
Each submission is sent to one worker by name, so that it is known with whom it went down.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import ipaddress
import json
import logging
import os
import pickle
import platform
import shutil
import stat
import tarfile
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import cloudpickle
import dask.config
from distributed import Client, Security, WorkerPlugin, get_worker
from distributed.scheduler import KilledWorker

from autograder.class_run.judges import (
    Ask,
    ClusterError,
    Judged,
    JudgeLostError,
    JudgesLostError,
    Question,
    judge,
)
from autograder.engine.folder import (
    BESIDE,
    MOST_FOLDERS,
    MOST_NOTEBOOK,
    MOST_PICTURE,
    IntakeError,
    list_folder,
    not_handed_in,
)
from autograder.engine.run import Engine
from autograder.engine.sandbox import Level, SandboxError
from autograder.files import UnfitFileError, regular_bytes
from autograder.gradebook.conversion import Conversion, Converted
from autograder.gradebook.page_maker import Page, PageMark
from autograder.keys.secret import KEY_STORE
from autograder.submission import verdicts
from autograder.submission.course import Course, CourseError
from autograder.submission.handed import Handed, read_folder
from autograder.submission.root import open_engine

CONNECT_SECONDS = 20
WARM_SECONDS = 60  # in which a worker is to be ready
RETURN_SECONDS = 120  # in which a scheduler that went away may come back
_LOOK_SECONDS = 5
_MOST_GONE = 10
_KEPT = "What was graded is kept; grade again, and it goes on"
_TLS = ("ca-file", "client.cert", "client.key")
_SIZE = "SUMSKIP.size"  # of a file that is too large for anybody to read it


class WorkerStoppedError(Exception):
    """Our own code stopped on a worker; a note has the traceback from there."""


class JudgeHere(WorkerPlugin):
    """What a worker has of the course: an engine that is warm, and what a verdict is made from."""

    def __init__(self, name: str, course: Course, conversion: Conversion | None) -> None:
        self.name = name
        self.versions = dict(verdicts.versions())
        # Read where it is known that there is the same code to read it.
        self._course = cloudpickle.dumps((replace(course, as_written={}), conversion))
        self._keys = {path.name: path.read_bytes() for path in course.key_store.glob("*.npz")}
        self.state: dict[str, Any] = {}  # while it warms up

    async def setup(self, worker: Any) -> None:
        """Warm up, while the worker goes on to answer its scheduler."""
        self.state = await asyncio.to_thread(self._open, worker.state.nthreads)

    def _open(self, turns: int) -> dict[str, Any]:
        for what, version in self.versions.items():
            if (here := verdicts.versions().get(what)) != version:
                return {"refused": f"it has {what} {here}, and this machine {version}"}
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="sumskip-course-"))
            keys = self._folder / KEY_STORE
            keys.mkdir(parents=True)
            for name, data in self._keys.items():
                (keys / name).write_bytes(data)
            course, self.conversion = cloudpickle.loads(self._course)
            self.course: Course = replace(course, root=self._folder, keys=None)
            self.engine: Engine = open_engine(self._folder, trust_submissions=False, jobs=turns)
            self.engine.__enter__()
            return {"turns": turns, "level": self.engine.level}
        except (OSError, SandboxError) as error:
            return {"refused": f"{error}"}

    async def teardown(self, worker: Any) -> None:
        """End the engine, and leave nothing of the course behind."""
        if hasattr(self, "engine"):
            await asyncio.to_thread(self.engine.__exit__, None, None, None)
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder)

    def judge(self, parcel: bytes) -> bytes:
        """Judge what `_parcel` made of a question, for `_opened` to read."""
        told = pickle.loads(parcel)
        with tempfile.TemporaryDirectory(prefix="handed-in-") as place:
            folder = Path(place, told["learner"], told["assignment"])
            folder.mkdir(parents=True)
            _unpack(told["packed"], folder)
            found = read_folder(self.course, Handed(told["learner"], told["assignment"], folder))
            if found.fingerprint != told["fingerprint"]:
                raise CourseError(f"submitted/{found.handed.name} is not what it was; grade again")
            question = Question(found, told["stands"], told["earlier"], told["wanted"])
            judged = judge(self.course, question, self.engine, self.conversion)
        return json.dumps(asdict(judged)).encode()


def _parcel(question: Question) -> bytes:
    """What is asked, and the folder that was handed in; a worker, which has our code, reads it."""
    found = question.found
    handed = found.handed
    asked = {
        "learner": handed.learner,
        "assignment": handed.assignment,
        "fingerprint": found.fingerprint,
        "stands": dict(question.stands),
        "earlier": question.earlier,
        "wanted": question.wanted,
        "packed": _pack(handed.folder, {*found.contents.notebooks, *found.contents.zips}),
    }
    return pickle.dumps(asked)


def _opened(answer: bytes) -> Judged:
    told = json.loads(answer)
    if "stopped" in told:
        stopped = WorkerStoppedError(told["stopped"])
        stopped.add_note(told["where"])
        raise stopped
    return Judged(
        verdict=verdicts.from_json(told["verdict"]),
        converted=told["converted"] and Converted(**told["converted"]),
        page=told["page"] and Page(PageMark(*told["page"]["mark"]), told["page"]["html"]),
        reason=told["reason"],
        shown=tuple(told["shown"]),
        seconds=told["seconds"],
    )


def _pack(folder: Path, read: Collection[Path]) -> bytes:
    """What lies in a folder, in the folders in it, and beside a notebook: as far as `engine/folder.py` looks.

    Links and pipes too, which nobody follows. Of files that nobody will `read`, and that do not go along,
    name and size are enough.
    """
    packed = io.BytesIO()
    places = [folder]
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for place in places:
            try:
                entries = list_folder(place)
            except IntakeError:  # as it will say there
                continue
            if place == folder or any(path.parent == place for path in read):
                inner = [path for path, status in entries if stat.S_ISDIR(status.st_mode)]
                places += [path for path in inner if not not_handed_in(path)][:MOST_FOLDERS]
            for path, status in entries:
                entry, content = _entry(path, status, path in read)
                entry.name = str(path.relative_to(folder))
                tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _entry(path: Path, status: os.stat_result, read: bool) -> tuple[tarfile.TarInfo, bytes]:
    entry, content = tarfile.TarInfo(), b""
    entry.mode, entry.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif not stat.S_ISREG(status.st_mode):
        entry.type = tarfile.FIFOTYPE  # for all that is neither, one thing is said
    else:
        if read or (path.suffix.lower() in {"", *BESIDE} and status.st_size <= MOST_PICTURE):
            with suppress(UnfitFileError):  # as it will say there
                content = regular_bytes(path, MOST_NOTEBOOK)
        entry.size = len(content)
        if entry.size != status.st_size:
            entry.pax_headers = {_SIZE: str(status.st_size)}
    return entry, content


def _unpack(packed: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for entry in tar:
            tar.extract(entry, folder, filter="tar")
            if size := entry.pax_headers.get(_SIZE):
                os.truncate(folder / entry.name, int(size))
                os.utime(folder / entry.name, (entry.mtime, entry.mtime))


def _judge_there(name: str, parcel: bytes) -> bytes:
    """What a worker is asked to do. Where our own code stops there, its words come back: no exception need be
    one that can be sent.
    """
    plugin = cast(JudgeHere, get_worker().plugins[name])
    try:
        return plugin.judge(parcel)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return json.dumps({"stopped": said, "where": traceback.format_exc()}).encode()


def _states(name: str, dask_worker: Any) -> dict[str, Any]:
    plugin = dask_worker.plugins.get(name)
    return dict(plugin.state) if isinstance(plugin, JudgeHere) else {"refused": "it has not got the course"}


class Cluster:
    """The workers of the scheduler at `address`, `tls://HOST:PORT`. Use it as a context manager.

    Certificates are where Dask's own settings say (`distributed.comm.tls`).

    Raises:
        ClusterError: on entering, and later when all is lost for longer than `RETURN_SECONDS`.
    """

    trust_submissions = False

    def __init__(self, address: str, say: Callable[[str], None]) -> None:
        self.address = address
        self._say = say
        self._client: Client | None = None
        self._plugin: JudgeHere | None = None
        self._states: Mapping[str, Mapping[str, Any]] = {}  # of each worker
        self._looked = 0.0
        self._asked: dict[Future[Judged], str] = {}  # what is at which worker
        self._lost = False
        self._gone = 0  # times that the scheduler was
        _refuse_open(address)

    def __enter__(self) -> Cluster:
        with ExitStack() as undo:
            undo.enter_context(_quiet())
            self._client = self._connect(CONNECT_SECONDS)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            with suppress(OSError, KeyError):  # it is gone, or a worker never had the course
                if self._plugin is not None and self._client.status == "running":
                    self._client.unregister_worker_plugin(self._plugin.name)
            with suppress(OSError):
                self._client.close()
        self._client = self._plugin = None
        self._undo.close()

    @property
    def jobs(self) -> int:
        """How many the workers judge at a time; looked at again now and then, for they come and go."""
        if time.monotonic() - self._looked > _LOOK_SECONDS and not self._lost:
            self._look()
        return max(1, sum(self._turns().values()))

    def _turns(self) -> dict[str, int]:
        """How many submissions at a time each worker judges, of those that do."""
        return {where: state["turns"] for where, state in self._states.items() if "turns" in state}

    @property
    def level(self) -> Level:
        levels = {state.get("level") for state in self._states.values()}
        return "swept" if "swept" in levels else "walled"

    @property
    def warnings(self) -> list[str]:
        return [f"the worker {where} judges nothing: {why}" for where, why in self._refusals()]

    def _refusals(self) -> list[tuple[str, str]]:
        return [(where, state["refused"]) for where, state in self._states.items() if "refused" in state]

    @contextmanager
    def judging(self, course: Course, conversion: Conversion | None) -> Iterator[Ask]:
        """What takes a question, and has a worker judge it.

        Raises:
            ClusterError: no worker can.
        """
        for assignment in course.masters:
            course.released_sources(assignment)  # which the course's settings are needed for
        # A run that was killed has left its own, which this one replaces; another course's it does not.
        place = f"{platform.node()}:{course.root.resolve()}".encode()
        self._plugin = JudgeHere(f"sumskip-{hashlib.sha256(place).hexdigest()[:12]}", course, conversion)
        self._send()
        yield self._ask

    def _send(self) -> None:
        """Send the course to every worker, those that come later too.

        Raises:
            ClusterError: none can judge.
        """
        client, plugin = self._there()
        reason = "it has none yet; start some, and grade again"
        try:
            client.register_plugin(plugin)
        except Exception as error:  # a worker's own; `_look` asks each
            reason = _cause(error)
        deadline = time.monotonic() + WARM_SECONDS
        self._look()
        while any(not state for state in self._states.values()) and time.monotonic() < deadline:
            time.sleep(0.2)
            self._look()
        if not self._turns():
            whys = [f"{where}: {why}" for where, why in self._refusals()] or [reason]
            raise ClusterError(f"no worker of {self.address} can judge ({'; '.join(whys)})")

    def _look(self) -> None:
        client, plugin = self._there()
        try:
            told = client.run(_states, plugin.name, on_error="return")
        except (OSError, RuntimeError):  # it is gone; the next question finds out
            self._lost, told = True, {}
        strange = "it has not got this course's code, start workers in a clone of the course ({})"
        self._states = {
            where: {"refused": strange.format(state)} if isinstance(state, BaseException) else state
            for where, state in told.items()
        }
        self._looked = time.monotonic()
        for answer, where in list(self._asked.items()):
            if where not in told and not self._lost and self._asked.pop(answer, ""):
                answer.set_exception(JudgeLostError(f"the worker {where} that judged it ended"))

    def _there(self) -> tuple[Client, JudgeHere]:
        if self._client is None or self._plugin is None:
            raise RuntimeError("use the cluster in a with statement")
        return self._client, self._plugin

    def _ask(self, question: Question) -> Future[Judged]:
        if self._lost or self._there()[0].status != "running":
            self._again()
        answer: Future[Judged] = Future()
        try:
            parcel = _parcel(question)
        except OSError as error:  # somebody else's hand is in that folder
            answer.set_exception(error)
            return answer
        where = self._free_worker()
        client, plugin = self._there()
        with warnings.catch_warnings():  # that a submission is large
            warnings.simplefilter("ignore")
            # Its futures wait each for itself: one whose worker ends with the answer holds up no other.
            theirs = client.get_executor(pure=False).submit(
                _judge_there, plugin.name, parcel, workers=[where]
            )
        self._asked[answer] = where
        theirs.add_done_callback(lambda done: self._told(answer, done))
        return answer

    def _told(self, answer: Future[Judged], theirs: Future[bytes]) -> None:
        where = self._asked.pop(answer, None)
        if where is None:  # it was given up
            return
        if theirs.cancelled():
            self._lost = True
            answer.set_exception(JudgesLostError(f"the scheduler {self.address} is gone"))
            return
        try:
            answer.set_result(_opened(theirs.result()))
        except KilledWorker:
            answer.set_exception(JudgeLostError(f"the worker {where} that judged it ended"))
        except Exception as error:
            answer.set_exception(error)

    def _free_worker(self) -> str:
        """The worker with the least to do; where none is left, one that comes."""
        deadline = time.monotonic() + RETURN_SECONDS
        if not self._turns():
            self._say("no worker is left that can judge; waiting for one")
        while not (turns := self._turns()):
            if time.monotonic() > deadline:
                raise ClusterError(f"no worker of {self.address} is left that can judge. {_KEPT}")
            time.sleep(1)
            self._look()
            if self._lost:
                self._again()
        waiting = Counter(self._asked.values())
        return min(turns, key=lambda where: (waiting[where] / turns[where], where))

    def _again(self) -> None:
        """Where the scheduler went away: wait for it, and send the course once more."""
        self._gone += 1
        if self._gone > _MOST_GONE:
            raise ClusterError(f"the scheduler {self.address} has gone {self._gone} times. {_KEPT}")
        self._say(f"the scheduler {self.address} is gone; waiting for it")
        if self._client is not None:
            # What it still waits for may keep it.
            Thread(target=self._client.close, args=(1,), daemon=True).start()
            self._client = None
        deadline = time.monotonic() + RETURN_SECONDS
        while True:
            try:
                self._client = self._client or self._connect(RETURN_SECONDS)
                self._send()
                self._lost = False
                return
            except ClusterError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(f"{error}. {_KEPT}") from None
                if self._client is not None and self._client.status != "running":
                    self._client = None  # gone again
                time.sleep(1)

    def _connect(self, seconds: float) -> Client:
        security = Security(require_encryption=True) if self.address.startswith("tls:") else None
        try:
            return Client(
                self.address, security=security, timeout=seconds, set_as_default=False, name="autograder"
            )
        except (OSError, TypeError) as error:
            raise ClusterError(
                f"the scheduler {self.address} cannot be reached ({_cause(error)}): see that it runs there, "
                "and that distributed.comm.tls in Dask's settings names certificates of its own authority"
            ) from error


def _refuse_open(address: str) -> None:
    """Refuse an address over which anybody could read keys and submissions, or send code.

    Raises:
        ClusterError: it is one, or none.
    """
    url = urlsplit(address)
    if url.scheme not in ("tls", "tcp") or not url.hostname or not _port(url):
        raise ClusterError(f"expected a scheduler's address such as tls://HOST:8786, got {address!r}")
    if url.scheme == "tcp" and not _is_loopback(url.hostname):
        raise ClusterError(
            f"{address} is open to all who can reach it, keys and learners' work with it: start scheduler "
            "and workers with certificates, and use tls:// (docs/cluster.md has the lines)"
        )
    names = [f"distributed.comm.tls.{name}" for name in _TLS]
    missing = [name for name in names if not dask.config.get(name, None)]
    # The key may stand in the certificate's file.
    if url.scheme == "tls" and set(missing) - {names[-1]}:
        variables = ", ".join(f"DASK_{name.upper().replace('.', '__').replace('-', '_')}" for name in names)
        raise ClusterError(f"for {address} Dask's settings name no certificates; set {variables}")


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cause(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own log tells in forty lines what is said here in one."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    levels = {log: log.level for log in map(logging.getLogger, names)}
    for log in levels:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)
