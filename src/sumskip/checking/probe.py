"""Puts one `Case` to an answer and writes down what it did. The only code that touches an answer.

`probe` never raises and never judges: what went wrong is a fact like any other. It runs in the
notebook when a learner checks, and inside the sandbox when an instructor grades.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import TextIOBase
from types import MappingProxyType
from typing import Any

import torch

from sumskip.checking.core import Case, Kind, Observation
from sumskip.checking.probing.functions import observe_fit, observe_outputs
from sumskip.checking.probing.module import observe_module
from sumskip.checking.probing.prepare import Stopped, plain, problem

_PROBES: Mapping[Kind, Callable[[Any, Case], Observation]] = MappingProxyType(
    {
        "literals": lambda answer, case: Observation(facts={"answer": plain(answer)}),
        "module": observe_module,
        "outputs": observe_outputs,
        "fit": observe_fit,
    }
)


class _Nowhere(TextIOBase):
    """Takes what is printed and keeps nothing: a learner's prints would come once for every case."""

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The same random numbers for every answer, no prints, and the learner's settings as they were."""
    with (
        torch.random.fork_rng(devices=[]),
        torch.enable_grad(),
        warnings.catch_warnings(),
        redirect_stdout(_Nowhere()),
        redirect_stderr(_Nowhere()),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums in one order, and no waiting for a busy second core
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def probe(answer: Any, case: Case) -> Observation:
    """Ask `answer` one question.

    `answer` is what the learner's cell bound: a class, a function or a dict, or anything else they
    wrote instead. Weights and inputs come from `case`; a model is built anew for every case, runs in
    its own dtype, and is seeded, so that the same answer always gives the same observation. The
    learner's own stream of random numbers is left as it was.
    """
    try:
        with _undisturbed():
            return _PROBES[case.kind](answer, case)
    except Stopped as stop:
        return Observation(facts={"problem": stop.problem})
    except Exception as error:  # the answer's own, from a place where no stage expected it
        return Observation(facts={"problem": problem("run", error)})
