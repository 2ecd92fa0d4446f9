"""What the recorder cannot watch: other threads, transforms, compiled code. It is named, not guessed.

Where a tensor turns up that nothing seen has made, autograd's own graph often still tells what went
into it. Compiled code says when it begins and ends.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from sumskip.graph import Shape
from sumskip.tracing.steps import Step

_FAR = 10_000
Source = tuple[Step, int, Shape]


def ancestors(tensor: Tensor, known: Mapping[Any, Source]) -> tuple[str, list[Source], list[Tensor]] | None:
    """The name of the operator that made `tensor`, and what went into it: known results, and leaves.

    `known` maps places in autograd's graph (a node and the number of its result) to what was seen to
    come from there. None where autograd knows nothing: no gradient is asked of the tensor.
    """
    start: Any = tensor.grad_fn
    if start is None:
        return None
    sources: dict[Any, Source] = {}
    leaves: dict[int, Tensor] = {}
    waiting: list[Any] = [start]
    met = {start}
    while waiting and len(met) < _FAR:
        for node, output in waiting.pop(0).next_functions:
            if node is None:
                continue
            if (node, output) in known:
                sources[node, output] = known[node, output]
            elif hasattr(node, "variable"):
                leaves[id(node.variable)] = node.variable
            elif node not in met:
                met.add(node)
                waiting.append(node)
    return readable(start.name()), list(sources.values()), list(leaves.values())


def readable(node: str) -> str:
    """`AddBackward0` -> `add`: an autograd node's name as the operator's."""
    name = re.sub(r"(Backward\w*|\d+)$", "", node.split("::")[-1]) or node
    if name.startswith("Compiled"):
        return "compiled code"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if re.search(r"Backward\d+$", node) else name


def in_transform() -> str | None:
    """`vmap` and the like, while one of them runs; its tensors stand for many, or for derivatives."""
    layer: Any = torch._C._functorch.peek_interpreter_stack()
    if layer is None:
        return None
    kind = str(layer.key()).split(".")[-1].lower()
    return kind if kind in ("vmap", "grad", "jvp") else "transform"


def plain(tensor: Tensor) -> Tensor:
    """The tensor from outside a transform that one of its tensors wraps."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


@contextmanager
def watching_compiled(entered: Callable[[Any, Any, Any], None], left: Callable[[], None]) -> Iterator[None]:
    """Tells when code that `torch.compile` made begins, with its name and arguments, and when it ends.

    The compiler reads Python, and would otherwise try to compile the recorder itself into the model.
    """
    compiler: Any = sys.modules.get("torch._dynamo.eval_frame")
    switch = getattr(compiler, "_maybe_set_eval_frame", None)
    if switch is None:
        yield
        return

    running: list[FrameType] = []

    def watched(callback: Any) -> Any:
        frame = sys._getframe(1)
        if running and frame is running[-1]:
            running.pop()
            left()
        elif frame.f_code.co_name == "compile_wrapper" and callable(callback):
            running.append(frame)
            local = frame.f_locals
            function = local.get("fn")
            owner = getattr(function, "__self__", None)
            name = owner if isinstance(owner, nn.Module) else getattr(function, "__name__", "<>")
            if isinstance(name, str) and name.startswith("<"):
                name = "compiled code"
            entered(name, local.get("args", ()), local.get("kwargs", {}))
        return switch(callback)

    compiler._maybe_set_eval_frame = watched
    try:
        yield
    finally:
        compiler._maybe_set_eval_frame = switch
