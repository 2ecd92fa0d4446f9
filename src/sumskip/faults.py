"""Why a forward pass stopped, in the learner's terms: what clashed, and the rule. It gives no advice."""

from __future__ import annotations

from sumskip.graph import Fault
from sumskip.recorder import Box, Operand, Recorder, Step
from sumskip.source import raised_at


def explain(
    error: BaseException, step: Step | None, box: Box | None, recorder: Recorder
) -> tuple[Fault, str, list[Operand]]:
    """The fault, and where no step failed, the label of a node to put it on, with what went into it."""
    place, _ = raised_at(error.__traceback__)
    message = str(error).strip() or type(error).__name__
    expression = place.expression if place else ""
    shapes = tuple(o.shape for o in step.operands if o.shape is not None) if step else ()
    fault = Fault(
        node="",
        shapes=shapes,
        message=message,
        sentence=f"{type(error).__name__}: {message.splitlines()[0]}",
        source_line=place.source_line if place else "",
        line=place.line if place else None,
        expression=expression,
    )
    return fault, expression or type(error).__name__, []
