"""`trace(model, *inputs)`: runs a model once and returns what its forward pass did.

The forward pass is the model's own and runs once; everything it changes is put back.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sumskip.seeing import drawing
from sumskip.seeing.drawing import outline
from sumskip.seeing.drawing.scene import to_svg
from sumskip.seeing.graph import Direction, Graph
from sumskip.seeing.parameters import Count, count
from sumskip.seeing.saving import save
from sumskip.seeing.tracing import TraceError
from sumskip.seeing.tracing import gradients as backward
from sumskip.seeing.tracing.assemble import Assembly
from sumskip.seeing.tracing.containers import replaced, tensors
from sumskip.seeing.tracing.names import Names
from sumskip.seeing.tracing.recorder import Recorder
from sumskip.seeing.tracing.restore import Snapshot
from sumskip.seeing.tracing.source import is_own
from sumskip.seeing.tracing.steps import Operand, Step, number_in, shape_of
from sumskip.seeing.tracing.unseen import inside


@dataclass(frozen=True, repr=False)
class Trace(Graph):
    """A forward pass that shows itself. `output` is what the model returned; `from_dict` has none."""

    output: Any = field(default=None, compare=False)

    def to_svg(
        self,
        depth: int | None = None,
        direction: Direction = "auto",
        open: str | Collection[str] | None = None,
    ) -> str:
        """The picture as an SVG document: the same bytes every time.

        `depth` is how many containers within one another are opened (0: none; None: as many as fit a
        notebook's column). `open="layer1.0"` opens this box instead, with what it is in; several are given as
        a list. `direction` is "right", "down", or "auto": to the right where that fits.
        Raises ValueError for any other value.
        """
        return to_svg(drawing.picture(self, depth, direction, open), self.alt_text)

    def to_png(
        self,
        depth: int | None = None,
        direction: Direction = "auto",
        scale: float = 2.0,
        open: str | Collection[str] | None = None,
    ) -> bytes:
        """The same picture as a PNG file, `scale` pixels to each of the SVG's."""
        return drawing.png(drawing.picture(self, depth, direction, open), scale)

    def to_text(self) -> str:
        """Every step on a line of its own: what was made, from what, and what is remarkable about it."""
        return outline.outline(self)

    def count(self, box: str | None = None) -> Count:
        """How many numbers the parameters hold, and how many train: of the model, or of one box.

        A shared parameter counts once. `box` is a container or a layer by its qualified name, such as
        "layer1.0"; the `.total` of a ResNet-18 is 11,689,512. Raises ValueError where nothing is called that.
        """
        return count(self, box)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, or the outline, to a file: `.svg`, `.png` or `.txt`, by the name's ending.

        Raises ValueError for another ending, and OSError where the file cannot be written.
        """
        save(self, path)

    @property
    def alt_text(self) -> str:
        """What the picture shows, in a sentence or two for a screen reader."""
        return outline.alt_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": drawing.image_tag(self.to_svg(), self.alt_text), "text/plain": self.to_text()}

    def __repr__(self) -> str:
        name, end = self.name or "a function", ", failed" if self.fault else ""
        return f"<Trace of {name}: {len(self.nodes)} nodes, {len(self.edges)} edges{end}>"


def trace(
    model: Callable[..., Any], *inputs: Any, gradients: bool | Tensor = False, **keywords: Any
) -> Trace:
    """Runs `model(*inputs)` once and returns every operator and module call that ran.

    `inputs` are what the model takes, tensors of any shape such as `(N, C, H, W)` among them; a plain
    function can be traced as well as a module. The call changes nothing: hooks, modes, random
    generators, buffers, parameters, `.grad` and the inputs are afterwards what they were before.

    A forward pass that fails raises nothing: the result is a trace up to the failing operator, and its
    `.fault` tells what happened.

    With `gradients=True`, or a cotangent of the output's shape, a backward pass from the sum of the
    outputs, or from that cotangent, follows, and every edge knows the gradient that flowed back along it.

    Raises `TraceError` where `model` cannot be called, `inputs` are too few, too many or hold no tensor
    though the model takes one, the model returns nothing, or gradients are asked for where there are none.
    """
    _check_callable(model)
    if isinstance(model, nn.Module):
        model = inside(model)
    bound = list(_bound(model, inputs, keywords))
    given = list(_named_tensors(bound))
    if isinstance(model, nn.Module) and _is_lazy(model):
        # Its first forward pass gives a lazy module its weights and changes its class.
        model = copy.deepcopy(model)
    snapshot = Snapshot()
    names = Names(model, snapshot)
    recorder = Recorder(names, snapshot, gradients is not False)
    for name, tensor in given:
        _add_input(recorder, name, tensor)
    for name, value in bound:
        if isinstance(value, np.ndarray):
            names.add_array(value, name)
    error: BaseException | None = None
    flow = backward.Flow()
    try:
        with recorder:
            try:
                output = model(*inputs, **keywords)
            except Exception as raised:
                if is_own(raised.__traceback__) and not recorder.expected(raised):
                    raised.add_note(
                        "This is a mistake in sumskip.trace, not in your model. Please report it."
                    )
                    raise
                error = raised
        if not given and (isinstance(error, TypeError | AttributeError) or not recorder.ledger.steps):
            came = ", ".join(_kind(value) for value in (*inputs, *keywords.values())) or "nothing"
            raise TraceError(
                f"expected at least one tensor as input, but {came} came: pass a torch.Tensor after the model"
            ) from error
        if error is None:
            returned = _returned(recorder, output, model)
            if gradients is not False:
                flow = backward.flow(recorder, [(o, t) for _, o, t in returned if t is not None], gradients)
            output = replaced(output, recorder.ledger.original)
            output = replaced(
                output, lambda t: t.clone() if snapshot.overwritten(t) else t, fresh=snapshot.emptied
            )
    finally:
        snapshot.restore()
    assembly = Assembly(recorder, _name_of(model), flow)
    if error is not None:
        return Trace(**vars(assembly.failed(error)))
    graph = assembly.finished([(label, operand) for label, operand, _ in returned])
    return Trace(**vars(graph), output=output)


def _add_input(recorder: Recorder, name: str, tensor: Tensor) -> None:
    step = Step("input", name, results=[shape_of(tensor)], value=number_in(tensor))
    recorder.ledger.append(step)
    recorder.ledger.made(tensor, step)
    recorder.ledger.names.add(tensor, "input", name)


# -- what goes in --------------------------------------------------------------------------------


def _check_callable(model: Any) -> None:
    if isinstance(model, type):
        raise TraceError(
            f"expected a model, but the class {model.__name__} came: "
            f"make one first, {model.__name__}(…), and trace that"
        )
    if isinstance(model, Tensor):
        raise TraceError(
            "expected a model and then its inputs, but a tensor came first: write trace(model, x)"
        )
    if not callable(model):
        raise TraceError(
            f"expected a module or a function, but {_kind(model)} came: pass what you would call on x"
        )


def _bound(model: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The inputs under the names of the parameters they go to."""
    function = model.forward if isinstance(model, nn.Module) else model
    owner = (function.__self__,) if isinstance(function, MethodType) else ()
    try:
        signature = _signature(getattr(function, "__func__", function))
    except (TypeError, ValueError):  # a builtin
        return iter([(f"input{position}", value) for position, value in enumerate(inputs)])
    try:
        bound = signature.bind(*owner, *inputs, **keywords)
    except TypeError as error:
        wanted = ", ".join(name for name in _wanted(signature, len(owner))) or "nothing"
        count = len(inputs) + len(keywords)
        raise TraceError(
            f"{_name_of(model)} takes {wanted}, but {count} input{'s' * (count != 1)} came ({error}): "
            f"write trace(model, {wanted})"
        ) from None
    return islice(_spread(signature, bound.arguments), len(owner), None)


_signature = lru_cache(maxsize=256)(inspect.signature)


def _wanted(signature: inspect.Signature, skipped: int) -> list[str]:
    """The names of the inputs that a call must give."""
    needed = [name for name, p in signature.parameters.items() if p.default is p.empty]
    return needed[skipped:]


def _spread(signature: inspect.Signature, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            yield from value.items()
        else:
            yield name, value


def _named_tensors(values: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    seen: set[int] = set()
    for name, value in values:
        for inner, tensor in tensors(name, value):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield inner, tensor


def _is_lazy(model: nn.Module) -> bool:
    return any(
        parameter is not None and is_lazy(parameter)
        for module in model.modules()
        for parameter in (*module._parameters.values(), *module._buffers.values())
    )


# -- what comes out ------------------------------------------------------------------------------


def _returned(recorder: Recorder, output: Any, model: Any) -> list[tuple[str, Operand, Tensor | None]]:
    """Everything that the model returned: its label, where it comes from, and the tensor."""
    found: list[tuple[str, Operand, Tensor | None]] = []
    for label, tensor in tensors("output", output):
        found += ((label, operand, tensor) for operand in recorder.ledger.operand(tensor))
    if not found and isinstance(output, float):
        found = [("output", recorder.ledger.operand(output)[0], None)]
    if output is None:
        raise TraceError(
            f"expected a result from the forward pass, but {_name_of(model)} returned nothing: "
            "end it with `return` and the result"
        )
    if not found:
        recorder.ledger.note(f"{_name_of(model)} returned {_kind(output)}, so no tensor leaves it.")
    return found


def _name_of(model: Any) -> str:
    return (
        type(model).__name__
        if isinstance(model, nn.Module)
        else getattr(model, "__name__", type(model).__name__)
    )


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, torch.Size):
        return "a shape"
    if isinstance(value, np.ndarray):
        return "a NumPy array"
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
