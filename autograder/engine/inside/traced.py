"""What a learner's model did with one case, as plain data: the picture of it is drawn outside."""

from __future__ import annotations

from typing import Any

from sumskip.checking.core import Case
from sumskip.checking.probing.block import arguments
from sumskip.checking.probing.prepare import build, dtypes_of, inputs_for
from sumskip.checking.probing.world import same_settings
from sumskip.seeing.trace import trace


def traced(answer: Any, case: Case) -> dict[str, Any]:
    """`Trace.to_dict()` of one forward pass of a new model, with the case's inputs and its own weights.

    Empty where nothing ran, as in a cell that was left as it was.

    Raises:
        Stopped: `answer` makes no model.
    """
    with same_settings():
        model = build(answer, arguments(case))
        model.train(case.mode == "train")
        found = trace(model, *inputs_for(case, dtypes_of(model)[0]))
    return found.to_dict() if found.edges else {}
