"""Where every tensor and number of a forward pass comes from.

The ledger knows which step made a tensor and what was written into it since. A tensor that nothing seen
has made is looked up among the names of what was there before, then in autograd's graph; where neither
knows it, the picture says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor, nn

from sumskip.seeing.graph import Shape
from sumskip.seeing.tracing import unseen
from sumskip.seeing.tracing.names import Names
from sumskip.seeing.tracing.restore import Snapshot, memory, shares_memory
from sumskip.seeing.tracing.source import caller
from sumskip.seeing.tracing.steps import (
    IN_PYTHON,
    INCOMPLETE,
    NOT_INSIDE,
    OVERWRITES,
    UNKNOWN,
    Box,
    Operand,
    Step,
    as_float,
    place_of,
    scalar,
    sequence,
    shape_of,
    version,
    written_out,
)


class Ledger:
    """The steps so far, and what each tensor is that they made or met."""

    def __init__(self, names: Names, snapshot: Snapshot, gradients: bool) -> None:
        self.names = names
        self.snapshot = snapshot
        self.gradients = gradients
        self.steps: list[Step] = []
        self.boxes: list[Box] = []
        self.notes: list[str] = []
        self.made_anew: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
        self.hidden: Step | None = None  # the last region whose results were not handed over
        # By `id`, and weakly: a forward pass that frees what it no longer needs goes on doing so. An
        # `id` that was used again is told by the reference, which is dead or to another tensor.
        self._made: dict[int, tuple[ref[Tensor], Step, int, int]] = {}
        self._places: dict[tuple[Any, int], tuple[Step, int, Shape]] = {}
        self._originals: dict[int, tuple[Tensor, Tensor]] = {}
        self._written: dict[int, list[tuple[Step, Tensor]]] = {}
        self._numbers: list[tuple[float, Step]] = []
        self._watched: dict[int, list[tuple[Tensor, Step, dict[CodeType, set[str]]]]] = {}
        self._clock = 0

    # -- steps ---------------------------------------------------------------------------------

    def append(self, step: Step) -> None:
        """Takes a step in, as the latest."""
        self._clock += 1
        step.order = self._clock
        self.steps.append(step)

    def path(self) -> tuple[str, ...]:
        """The containers that are running now, outermost first, without the model itself."""
        return tuple(box.label for box in self.boxes[1:])

    def before(self, step: Step, values: list[Any]) -> None:
        """Writes down what goes into a step. To be asked before it runs, as it may overwrite something."""
        for argument, value in enumerate(values):
            if isinstance(value, Tensor):
                step.operands += self.operand(value, argument)
                if id(value) in self._watched:
                    self._read_again(value, step, argument, len(values))
            else:
                texts = step.location.parsed.operands(len(values)) if step.location and step.direct else ()
                text = texts[argument] if texts else ""
                step.operands.append(Operand(self.number(value, text), argument=argument))
        if self.gradients:
            step.span = (sequence(), 0)

    # -- tensors and numbers -------------------------------------------------------------------

    def made(self, tensor: Tensor, step: Step, output: int = 0) -> None:
        """Registers that `step` made `tensor`."""
        self._made[id(tensor)] = (ref(tensor), step, output, version(tensor))
        step.dtype = step.dtype or str(tensor.dtype).removeprefix("torch.")
        if tensor.grad_fn is not None:
            self._places[tensor.grad_fn, tensor.output_nr] = (step, output, shape_of(tensor))

    def has_seen(self, tensor: Tensor) -> bool:
        known = self._made.get(id(tensor))
        return known is not None and known[0]() is tensor

    def is_known(self, tensor: Tensor) -> bool:
        """Whether a tensor comes from a step, or from outside the forward pass."""
        return self.has_seen(tensor) or any(tensor is one for one in self.names.tensors())

    def is_own(self, tensor: Tensor) -> bool:
        """Whether a tensor that a layer holds is its parameter or buffer, as it was before the pass."""
        made = self.source(tensor)
        known = (made[0].kind, "") if made else self.names.tensor(tensor)
        return known is not None and known[0] in ("parameter", "buffer")

    def source(self, tensor: Tensor) -> tuple[Step, int] | None:
        """The step that made a tensor, and which of its results it is; None where nothing seen has."""
        return self._made[id(tensor)][1:3] if self.has_seen(tensor) else None

    def written_since(self, tensor: Tensor) -> bool:
        """Whether a known tensor was overwritten since it was last looked at."""
        return self.has_seen(tensor) and self._made[id(tensor)][3] != version(tensor)

    def stand_in(self, tensor: Tensor, step: Step, output: int) -> Tensor:
        """Another object for the same tensor: what a shortcut gives back in place of its operand, so
        that what the model does with the one can be told from what it does with the other."""
        with torch.enable_grad():  # the same object would have kept its graph in `no_grad` as well
            alias = tensor.view_as(tensor)
        self._originals[id(alias)] = (alias, self.original(tensor))
        self.made(alias, step, output)
        return alias

    def held(self) -> Iterator[tuple[Tensor, Step]]:
        """Every tensor that is known and still there, with the step that made it."""
        alive = ((made(), step) for made, step, _, _ in self._made.values())
        return ((tensor, step) for tensor, step in alive if tensor is not None)

    def operand(self, value: Any, argument: int = 0) -> list[Operand]:
        """Where a tensor or number comes from; further operands where it was written through a view."""
        if not isinstance(value, Tensor):
            return [Operand(self.number(value), argument=argument)]
        if not self.has_seen(value):
            self.meet(value)
        _, step, output, before = self._made[id(value)]
        operand = Operand(step, output, shape_of(value), argument=argument, grad=value.requires_grad)
        if self.gradients and operand.grad:
            operand.flows = place_of(value)
        found = [operand]
        explained = False
        if self._written:
            for writer, written in self._written.get(memory(value), ()):
                explained = explained or writer.order > step.order
                if writer.order > step.order and written is not value and shares_memory(written, value):
                    found.append(Operand(writer, 0, operand.shape, dashed=True, argument=argument))
                    writer.mark_once(OVERWRITES)
        if before != (now := version(value)):
            if not explained:
                self.note(f"{step.label} was changed by something that was not seen.")
            self._made[id(value)] = (ref(value), step, output, now)
        return found

    def original(self, tensor: Tensor) -> Tensor:
        """The model's own object where a shortcut was given a stand-in."""
        kept = self._originals.get(id(tensor))
        return kept[1] if kept is not None else tensor

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def handed_over(self, number: float, step: Step) -> None:
        """A number that Python got out of a tensor; it is followed as long as it stays that object."""
        self._numbers.append((number, step))

    def number(self, value: Any, text: str = "") -> Step:
        """Where a plain number comes from; `text` is its source in the learner's expression."""
        for number, step in self._numbers:
            if number is value:
                return step
        step = Step("constant", written_out(value), value=as_float(value), path=self.path())
        if text and not is_literal(text):
            step.variable = text
            names = set(re.findall(r"[^\W\d]\w*", text))
            for _, read in self._numbers:  # `1 - a`, where `a = self.alpha.item()`
                if read.name in names:
                    step.kind, step.label, step.variable = "op", text, None
                    step.marks = [IN_PYTHON]
                    step.operands.append(Operand(read, argument=len(step.operands)))
        self.append(step)
        return step

    def meet(self, tensor: Tensor) -> None:
        """A tensor that nothing seen has made: a parameter, a buffer, or one from outside."""
        made = self._made_with(tensor)
        if known := self.names.tensor(tensor):
            step = Step(*known, path=self.path(), marks=[made] if made else [])
        elif self.hidden is not None:
            step = self.hidden
            step.results = [shape_of(tensor)]
            self.made(tensor, step)
            return
        else:
            step = self._ancestry(tensor)
        if not step.results:
            step.results.append(shape_of(tensor))
        step.value = scalar(tensor)
        self.append(step)
        self.made(tensor, step)

    def _made_with(self, tensor: Tensor) -> str | None:
        """The remark on a module that was made in the forward pass and holds this tensor."""
        for module, remark in self.made_anew.items():
            if any(tensor is own for own in module.state_dict(keep_vars=True).values()):
                self.names.module(module)
                return remark
        return None

    def _ancestry(self, tensor: Tensor) -> Step:
        found = unseen.ancestors(tensor, self._places)
        if found is None:
            label = self.names.local(tensor) or "?"
            self.note(f"{label} was not made by any operator that was seen, nor is it part of the model.")
            return Step("constant", label, marks=[UNKNOWN])
        label, sources, leaves = found
        self.note(f"{label} was not seen while it ran; autograd tells only of inputs with a gradient.")
        step = Step("op", label, marks=[NOT_INSIDE, INCOMPLETE])
        step.operands += (Operand(*source, argument=position) for position, source in enumerate(sources))
        for leaf in leaves:
            step.operands += self.operand(leaf, len(step.operands))
        return step

    # -- overwriting ---------------------------------------------------------------------------

    def keep(self, tensor: Tensor) -> None:
        """Has everything from outside that shares this tensor's memory put back later."""
        for outside in self.names.tensors():
            if outside is tensor or memory(outside) == memory(tensor) != 0:
                self.snapshot.keep(outside)

    def watch(self, tensor: Tensor, writer: Step, names: dict[CodeType, set[str]]) -> None:
        """Remembers by which variables what a step has overwritten can still be reached."""
        self._watched.setdefault(id(tensor), []).append((tensor, writer, names))

    def _read_again(self, tensor: Tensor, step: Step, argument: int, count: int) -> None:
        """Marks what has overwritten a tensor that is now read by one of its other names."""
        frame = caller(3)
        if step.location is None or frame is None:
            return
        texts = step.location.parsed.operands(count, step.module is None) if step.direct else ()
        for watched, writer, names in self._watched[id(tensor)]:
            held = {name for name in names.get(frame.f_code, ()) if frame.f_locals.get(name) is tensor}
            if watched is tensor and held and (not texts or texts[argument] in held):
                writer.mark_once(OVERWRITES)

    def overwritten(self, step: Step, tensor: Tensor, output: int = 0) -> None:
        """Registers that `step` wrote into `tensor`, which is from now on its result."""
        self.made(tensor, step, output)
        if not step.results:
            step.results.append(shape_of(tensor))
        self._written.setdefault(memory(tensor), []).append((step, tensor))


def is_literal(text: str) -> bool:
    return re.fullmatch(r"-?[\d._]+(e[+-]?\d+)?", text) is not None
