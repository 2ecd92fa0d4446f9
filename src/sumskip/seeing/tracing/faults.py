"""Why a forward pass stopped, in the learner's terms: what clashed, and the rule. It gives no advice."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch import Tensor, nn

from sumskip.seeing.graph import Fault, NodeKind, Shape
from sumskip.seeing.tracing import clashes
from sumskip.seeing.tracing.clashes import Clash
from sumskip.seeing.tracing.expressions import called
from sumskip.seeing.tracing.operators import BROADCASTING
from sumskip.seeing.tracing.recorder import Recorder
from sumskip.seeing.tracing.source import Location, raised_at
from sumskip.seeing.tracing.steps import Box, Operand, Step, is_unimplemented

_LONGEST = 160
_SIGNS = {"*": "×", "-": "−", "/": "÷"}


@dataclass(frozen=True)
class Stop:
    """A fault, and where no recorded step failed, what its own node shows and what went into it."""

    fault: Fault
    step: Step | None = None
    kind: NodeKind = "op"
    label: str = ""
    sources: tuple[Operand, ...] = ()


def explain(error: BaseException, recorder: Recorder) -> Stop:
    """Why the forward pass ended in `error`; the fault's `node` is filled in by whoever draws it."""
    known, step, box = recorder.failure or (None, None, None)
    place, frame = raised_at(error.__traceback__)
    if known is not error:  # one that the forward pass caught
        step = box = None
    shapes = _shapes(step) if step else ()
    message = str(error).strip().split("\n\n")[0] or type(error).__name__
    clash = _clash(step, error, place) if step else Clash(_mistake(error, box, place))
    fault = Fault(
        node="",
        shapes=shapes,
        message=message,
        sentence=clash.sentence,
        source_line=place.source_line if place else "",
        line=place.line if place else None,
        expression=place.expression if place else "",
        clash=clash.column,
        rows=clash.rows,
    )
    if step is not None:
        return Stop(fault, step)
    sources = _ingredients(frame, fault, recorder)
    if box is not None and is_unimplemented(box.module):
        return Stop(fault, None, "module", box.label, sources)
    sign = re.match(r"unsupported operand type\(s\) for (\S+):", message)
    label = _SIGNS.get(sign.group(1), sign.group(1)) if sign else fault.expression or type(error).__name__
    return Stop(fault, None, "op", label, sources)


# -- a step that failed ----------------------------------------------------------------------------


def _clash(step: Step, error: BaseException, place: Location | None) -> Clash:
    shapes, message = _shapes(step), str(error)
    names = _operand_names(step, place)
    found = (
        _wrong_kind(step)
        or (_module(step, step.module, names, message) if step.module is not None else None)
        or (_operator(step, names, shapes, message) if step.operator is not None else None)
        or _mixed(step, message)
    )
    return found or Clash(f"{step.label} could not be computed: {_first_line(error)}")


def _operator(step: Step, names: list[str], shapes: tuple[Shape, ...], message: str) -> Clash | None:
    args, kwargs = step.settings
    label = step.label
    if "a leaf Variable that requires grad" in message:
        return Clash(
            f"{label} would overwrite {names[0]}, a leaf that requires a gradient: autograd forbids it"
        )
    if label in BROADCASTING:
        if found := clashes.broadcast(names, shapes):
            return found
        return clashes.overwritten(names[0], shapes[0], message) if shapes else None
    if label == "@":
        return clashes.multiplied(names, shapes)
    if label in ("cat", "concat", "concatenate") and shapes:
        dim = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else 0))
        return clashes.concatenated(names, shapes, dim) if isinstance(dim, int) else None
    if label == "stack" and shapes:
        return clashes.stacked(names, shapes)
    if label in ("view", "reshape") and shapes:
        wanted = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
        whole = all(isinstance(size, int) for size in wanted)
        return clashes.reshaped(names[0], shapes[0], tuple(wanted)) if whole and wanted else None
    if label == "einsum" and args and isinstance(args[0], str):
        return clashes.summed(names, shapes, args[0])
    if re.fullmatch(r"conv[123]d", label) and len(shapes) > 1:
        channels = shapes[1][1] * int(kwargs.get("groups", 1))
        return _convolution(names[0], shapes[0], label, channels, len(shapes[1]) - 2, message)
    if label == "linear" and len(shapes) > 1 and shapes[0]:
        return _last(names[0], shapes[0], label, shapes[1][-1])
    return None


def _module(step: Step, module: nn.Module, names: list[str], message: str) -> Clash | None:
    args, kwargs = step.settings
    if found := _wrong_count(step.label, module, args, kwargs):
        return Clash(found)
    shapes = _shapes(step)
    if not shapes:
        return None
    name, shape = (names or ["the input"])[0], shapes[0]
    if isinstance(module, nn.modules.conv._ConvNd):
        return _convolution(name, shape, step.label, module.in_channels, len(module.kernel_size), message)
    if isinstance(module, nn.Linear) and shape:
        return _last(name, shape, step.label, module.in_features)
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        if "more than 1 value per channel" in message:
            return Clash(
                f"{step.label} got one number per channel, {shape}: in train mode it needs more than one"
            )
        letters = {nn.BatchNorm2d: ["H", "W"], nn.BatchNorm3d: ["D", "H", "W"]}.get(
            type(module), ["L"] * (len(shape) > 2)
        )
        return clashes.taken(
            name, shape, step.label, ["N", str(module.num_features), *letters], 1, "channels"
        )
    return None


def _convolution(name: str, shape: Shape, who: str, channels: int, size: int, message: str) -> Clash | None:
    letters = ["N", str(channels), *["D", "H", "W"][3 - size :]]
    if len(shape) == size + 1:  # one image without N is allowed
        letters = letters[1:]
    column = letters.index(str(channels))
    if found := clashes.taken(name, shape, who, letters, column, "channels"):
        return found
    sizes = re.search(r"\(([\d x]+)\)\. Kernel size: \(([\d x]+)\)", message)
    if sizes:
        padded, kernel = (part.replace(" x ", "×") for part in sizes.groups())
        return Clash(
            f"the kernel {kernel} of {clashes.module_name(who)} is larger than its padded input, {padded}"
        )
    return None


def _last(name: str, shape: Shape, who: str, features: int) -> Clash | None:
    takes = ["N", *"…" * (len(shape) - 2), str(features)][-len(shape) :]
    return clashes.taken(name, shape, who, takes, len(shape) - 1, "in the last dimension")


def _wrong_kind(step: Step) -> Clash | None:
    """Something among the operands that is neither a tensor nor a number."""
    args, kwargs = step.settings
    if step.module is None and step.label not in BROADCASTING | {"@"}:
        return None
    strange = [value for value in (*args, *kwargs.values()) if _is_strange(value, step)]
    if not strange:
        return None
    things = " and ".join(_thing(value) for value in (*args, *kwargs.values()))
    takes = "a tensor" if step.module is not None else "tensors or numbers"
    return Clash(f"{step.label} was given {things}: it takes {takes}")


def _is_strange(value: Any, step: Step) -> bool:
    if step.module is not None:
        thing = isinstance(value, str | nn.Module | list | tuple | dict)
        return value is None or (thing and not step.module._modules)
    return value is None or isinstance(value, str | list | dict | nn.Module)


def _mixed(step: Step, message: str) -> Clash | None:
    """Operands of different number types, or on different devices."""
    args, kwargs = step.settings
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    held = list(step.module.parameters()) if step.module is not None else []
    for attribute, rule in (("dtype", "one number type"), ("device", "one device")):
        came = list(dict.fromkeys(str(getattr(t, attribute)).removeprefix("torch.") for t in tensors))
        own = list(dict.fromkeys(str(getattr(t, attribute)).removeprefix("torch.") for t in held))
        if step.module is not None and own and came and came[0] not in own:
            return Clash(f"{came[0]} came and {step.label} holds {own[0]}: both must be of {rule}")
        if step.module is None and len(came) > 1 and ("type" in message or "device" in message):
            return Clash(f"{' and '.join(came)} meet in {step.label}: all operands must be of {rule}")
    return None


# -- a line that failed without any step -----------------------------------------------------------


def _mistake(error: BaseException, box: Box | None, place: Location | None) -> str:
    text = _first_line(error)
    if isinstance(error, NotImplementedError) and box is not None and is_unimplemented(box.module):
        kind = type(box.module).__name__
        if isinstance(box.module, nn.ModuleList | nn.ModuleDict):
            return f"{box.label} is a {kind}: it holds modules and has no forward pass of its own"
        return f"{kind} has no method named forward"
    if isinstance(error, AttributeError) and error.name:
        owner = error.obj
        return f"{_owner(owner)} has no attribute {error.name}"
    if isinstance(error, NameError):
        name = error.name or next(iter(re.findall(r"'(\w+)'", text)), "?")
        return f"the name {name} has no value when this line runs"
    if isinstance(error, TypeError):
        if box is not None and (found := _wrong_count(box.label, box.module, *box.inputs)):
            return found
        if kinds := re.match(r"unsupported operand type\(s\) for (\S+): '(\w+)' and '(\w+)'", text):
            sign, left, right = kinds.groups()
            return (
                f"{_SIGNS.get(sign, sign)} was given {_a(left)} and {_a(right)}: it takes tensors or numbers"
            )
        if kinds := re.match(r"'(\w+)' object is not callable", text):
            what = (place and called(place.expression)) or "what is called here"
            return f"{what} is {_a(kinds.group(1))}, which cannot be called"
    if isinstance(error, RecursionError):
        return "the forward pass calls itself without end"
    return f"{type(error).__name__}: {text}"


def _wrong_count(label: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        wanted = [name for name, p in signature.parameters.items() if p.default is p.empty]
        inputs = "1 input" if len(wanted) == 1 else f"{len(wanted)} inputs ({', '.join(wanted)})"
        return f"{label} takes {inputs}, and {len(args) + len(kwargs) or 'none'} came"
    return None


def _ingredients(frame: FrameType | None, fault: Fault, recorder: Recorder) -> tuple[Operand, ...]:
    """The tensors that the failing expression, or else its line, was about to work on."""
    for text in (fault.expression, fault.source_line.split("#")[0]):
        found: list[Operand] = []
        for name in dict.fromkeys(re.findall(r"[^\W\d]\w*", text)):
            value = frame.f_locals.get(name) if frame is not None else None
            if isinstance(value, Tensor) and recorder.ledger.has_seen(value):
                found += recorder.ledger.operand(value, len(found))
        if found:
            return tuple(found)
    return ()


# -- words -----------------------------------------------------------------------------------------


def _operand_names(step: Step, place: Location | None) -> list[str]:
    """The learner's own words for the tensors of a step, else what made them."""
    made = [o for o in step.operands if o.shape is not None and not o.dashed]
    if place is not None and place == step.location and step.direct:
        texts = place.parsed.operands(len({o.argument for o in step.operands}), step.module is None)
        if texts:
            return [texts[o.argument] for o in made]
    return [o.source.name_of(o.output) or o.source.label for o in made]


def _shapes(step: Step) -> tuple[Shape, ...]:
    return tuple(o.shape for o in step.operands if o.shape is not None and not o.dashed)


def _owner(value: Any) -> str:
    if isinstance(value, Tensor):
        return "a tensor"
    return f"the module {value.__name__}" if inspect.ismodule(value) else type(value).__name__


def _thing(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"the module {type(value).__name__}"
    return "None" if value is None else "a tensor" if isinstance(value, Tensor) else _a(type(value).__name__)


def _a(name: str) -> str:
    if name == "NoneType":
        return "None"
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _first_line(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
