"""Puts one `Case` to an answer and writes down what it did. The only code that touches an answer.

`probe` never raises and never judges: what went wrong is a fact like any other. It runs in the
notebook when a learner checks, and inside the sandbox when an instructor grades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sumskip.checking.core import Case, Kind, Observation
from sumskip.checking.probing.functions import observe_fit, observe_outputs
from sumskip.checking.probing.module import observe_module
from sumskip.checking.probing.prepare import Stopped, heed, plain, problem
from sumskip.checking.probing.world import outside, undisturbed

_PROBES: Mapping[Kind, Callable[[Any, Case], Observation]] = MappingProxyType(
    {
        "literals": lambda answer, case: Observation(facts={"answer": plain(answer)}),
        "module": observe_module,
        "outputs": observe_outputs,
        "fit": observe_fit,
    }
)


def probe(answer: Any, case: Case) -> Observation:
    """Ask `answer` one question.

    `answer` is what the learner's cell bound: a class, a function or a dict, or anything else they
    wrote instead. Weights and inputs come from `case`; a model is built anew for every case, runs in
    its own dtype, and is seeded, so that the same answer always gives the same observation. Whatever the
    answer reaches, and the learner's settings, are left as they were.
    """
    try:
        with undisturbed(answer) as touched:
            try:
                seen = _PROBES[case.kind](answer, case)
            except Stopped as stop:
                seen = Observation(facts={"problem": stop.problem})
            found = outside(answer, touched)
        return replace(seen, facts={**seen.facts, "outside": found}) if found else seen
    except BaseException as error:  # from a place where no stage expected one of the answer's
        heed(error)
        return Observation(facts={"problem": problem("run", error)})
