"""What a torch function is called in the picture, and how its arguments are to be read.

Nothing here runs a model: a function goes in, an `Operator` comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Treatment = Literal["op", "read", "quiet"]

SIGNS = {
    "add": "+",
    "sub": "−",
    "subtract": "−",
    "rsub": "−",
    "mul": "×",
    "multiply": "×",
    "div": "÷",
    "divide": "÷",
    "rdiv": "÷",
    "truediv": "÷",
    "true_divide": "÷",
    "floordiv": "//",
    "floor_divide": "//",
    "mod": "%",
    "remainder": "%",
    "pow": "**",
    "matmul": "@",
    "mm": "@",
    "bmm": "@",
    "gt": ">",
    "ge": "≥",
    "lt": "<",
    "le": "≤",
    "eq": "=",
    "ne": "≠",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "getitem": "[ ]",
    "setitem": "[ ] =",
    "__array_wrap__": "numpy",
}
# Elementwise: operands of different shapes are stretched onto each other.
ARITHMETIC = frozenset({"+", "−", "×", "÷", "//", "%", "**", "and", "or", "xor"})
COMPARISONS = frozenset({">", "≥", "<", "≤", "=", "≠"})
BROADCASTING = (
    ARITHMETIC | COMPARISONS | {"lerp", "where", "maximum", "minimum", "addcmul", "addcdiv", "[ ] ="}
)
# Where a plain number among the arguments is an operand like a tensor, not a setting like `dim=1`.
NUMERIC = BROADCASTING | {"fill", "masked_fill"}
# They hand a tensor's numbers to Python; what is computed from these has no gradient.
READS = {
    "item": "item",
    "tolist": "tolist",
    "numpy": "numpy",
    "__array__": "numpy",
    "__float__": "float",
    "__int__": "int",
    "__index__": "int",
    "__complex__": "complex",
    "__bool__": "bool",
    "is_nonzero": "bool",
    "equal": "equal",
    "allclose": "allclose",
}
# Attributes that are operators; all others (`shape`, `dtype`, `grad`, …) only look.
ATTRIBUTES = frozenset({"data", "T", "mT", "H", "mH", "real", "imag"})
# They only look at a tensor, or at what autograd does with it: neither a result nor a number of it.
_LOOKS = """size dim ndimension numel nelement stride storage_offset element_size data_ptr storage
untyped_storage get_device is_contiguous is_floating_point is_complex is_signed is_inference is_conj is_neg
is_same_size is_shared is_pinned is_tensor result_type can_cast promote_types requires_grad_ retain_grad
register_hook register_post_accumulate_grad_hook backward"""
QUIET = frozenset(_LOOKS.split()) | {
    f"__{name}__" for name in ("len", "repr", "str", "format", "hash", "dir", "reduce_ex")
}
REFLECTED = frozenset({"__rsub__", "rsub", "__rdiv__", "__rtruediv__", "__rpow__", "__rmatmul__", "__rmod__"})
CUTS = frozenset({"detach", "detach_", "data"})
# One call that does the work of a whole module.
REGIONS = frozenset({"multi_head_attention_forward", "lstm", "gru", "rnn_tanh", "rnn_relu", "numpy"})


@dataclass(frozen=True)
class Operator:
    """How one torch function is shown and read.

    `writes`: its name says that it changes its first argument. `reflected`: its second argument is
    the left operand, as in `1 - alpha`. `cuts`: its whole purpose is that no gradient passes.
    `indexes`: numbers before its last argument say where, not what.
    """

    name: str
    label: str
    treatment: Treatment
    reflected: bool = False
    numeric: bool = False
    broadcasts: bool = False
    writes: bool = False
    cuts: bool = False
    region: bool = False
    indexes: bool = False


_known: dict[Any, Operator] = {}


def describe(function: Callable[..., Any]) -> Operator:
    """The `Operator` of a function that torch hands to `__torch_function__`."""
    operator = _known.get(function)
    if operator is None:
        operator = _known[function] = _describe(function)
    return operator


def _describe(function: Callable[..., Any]) -> Operator:
    name = str(getattr(function, "__name__", type(function).__name__))
    if name in ("__get__", "__set__", "__delete__"):
        attribute = getattr(getattr(function, "__self__", None), "__name__", "")
        if name == "__set__" and attribute == "data":
            return Operator("data", "data =", "op", writes=True, cuts=True)
        if name != "__get__" or attribute not in ATTRIBUTES:
            return Operator(attribute, attribute, "quiet")
        return Operator(attribute, attribute, "op", cuts=attribute in CUTS)
    if name in QUIET:
        return Operator(name, name, "quiet")
    if name in READS:
        return Operator(name, READS[name], "read")
    dunder = name.startswith("__") and name.endswith("__")
    writes = name == "__setitem__" or (
        name.startswith("__i") and name not in ("__invert__", "__index__") if dunder else name.endswith("_")
    )
    base = name.strip("_") if dunder else name.rstrip("_")
    if dunder and (base not in SIGNS) and base[:1] in "ir" and base[1:] in SIGNS:
        base = base[1:]
    label = SIGNS.get(name) or SIGNS.get(base) or base
    return Operator(
        name,
        label,
        "op",
        reflected=name in REFLECTED,
        numeric=label in NUMERIC,
        broadcasts=label in BROADCASTING,
        writes=writes,
        cuts=name in CUTS,
        region=base in REGIONS or name == "__array_wrap__",
        indexes=label == "[ ] =" or base == "fill",
    )
