"""What the recorder cannot watch: other threads, transforms. It is named, not guessed.

Where a tensor turns up that nothing seen has made, autograd's own graph often still tells what went
into it. Compiled code could not be watched either, and is run as it is written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sumskip.seeing.graph import Shape
from sumskip.seeing.tracing.steps import Step, is_torch

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


def uncompiled() -> AbstractContextManager[object]:
    """Runs as it is written, while it lasts, what `torch.compile` has compiled: so it can be watched."""
    # Whoever has compiled anything has loaded the compiler. Loading it takes seconds.
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


def inside(module: nn.Module) -> nn.Module:
    """The module that `torch.compile` has wrapped; the wrapper where hooks of its own would be lost."""
    name = "_orig_mod"  # the wrapper's for it, in `state_dict()` as well
    if name not in module._modules or not is_torch(type(module)):
        return module
    hooked = module._forward_hooks or module._forward_pre_hooks
    return module if hooked else inside(getattr(module, name))
