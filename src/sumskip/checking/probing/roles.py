"""Which tensor does which job: weights are found by use, never by the learner's names.

A *role* is an operator and its argument slot, in the order of data flow: `conv2d#1.weight`,
`batch_norm#2.running_mean`. One watched forward pass names them all, whatever the attributes are
called, in whatever order they were made, and whether they live in modules or in plain lists.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, groupby, islice, permutations, product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sumskip.checking.core import MAX_PERMUTATIONS, is_optional_bias
from sumskip.checking.probing.plainly import (
    PLAIN,
    buffers,
    is_tensor,
    leaves,
    parameters,
    read,
    size,
    tensors,
)
from sumskip.checking.probing.prepare import problem
from sumskip.checking.probing.terms import Formulas, Leaf, Term, applied, claim, writes

# The operators that hold weights, and the names of their positional arguments. torch.batch_norm and
# F.batch_norm order theirs differently.
_CONV = ("input", "weight", "bias")
_SLOTS: dict[Any, tuple[str, tuple[str, ...]]] = {
    torch.conv2d: ("conv2d", _CONV),
    torch.conv1d: ("conv1d", _CONV),
    torch.conv_transpose2d: ("conv_transpose2d", _CONV),
    F.linear: ("linear", _CONV),
    F.batch_norm: ("batch_norm", ("input", "running_mean", "running_var", "weight", "bias")),
    torch.batch_norm: ("batch_norm", ("input", "weight", "bias", "running_mean", "running_var")),
    F.group_norm: ("group_norm", ("input", "num_groups", "weight", "bias")),
    F.instance_norm: ("instance_norm", ("input", "running_mean", "running_var", "weight", "bias")),
    F.layer_norm: ("layer_norm", ("input", "normalized_shape", "weight", "bias")),
    F.prelu: ("prelu", ("input", "weight")),
    torch.prelu: ("prelu", ("input", "weight")),
}
# Operators that can stand for a convolution where the reference has none of them; any other is what it is.
_STAND_INS = ("linear", "conv1d")
_MOST_USES = 16  # of a run that stopped, that are compared
_HELD = ("weight", "bias", "running_mean", "running_var")


@dataclass
class Use:
    """One call of an operator that holds weights: which tensors it held, and what fed it."""

    op: str
    held: dict[str, Tensor]
    upstream: frozenset[int]  # indices of the uses whose results reach this one
    made: Term
    dropped: bool = False  # nothing of its result is in the output

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The weight's shape, which tells uses apart; a bias is optional and so tells nothing."""
        return tuple(read(self.held["weight"], "shape")) if "weight" in self.held else None

    @property
    def constant(self) -> bool:
        """Whether its weight is one that does not learn."""
        return "weight" in self.held and not read(self.held["weight"], "requires_grad")


def _holders(use: Use) -> tuple[int, ...]:
    """Which tensors a use holds, by their ids."""
    return tuple(id(tensor) for tensor in use.held.values())


@dataclass(repr=False)
class Watch(TorchFunctionMode):
    """Records a forward pass: the uses of weights, how data flows between them, how each tensor is made."""

    inputs: Sequence[Tensor]
    uses: list[Use] = field(default_factory=list)
    failed: tuple[Exception, Term] | None = None  # the last operator that stopped, and its error
    overwritten: list[Term | Leaf] = field(default_factory=list)  # what operators wrote into
    # Tensors by id that hold no result of a use: the last use whose result one met, itself or a view.
    met: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._shapes: dict[int, list[int]] = {}  # of what a term made, by its id
        # Tensors are held as long as the watch lives: the id of a freed one would be given again.
        self._roots: dict[int, tuple[int, ...]] = {}
        self._origin: dict[int, tuple[Tensor, frozenset[int], Term | Leaf]] = {
            id(x): (x, frozenset(), Leaf(x, number)) for number, x in enumerate(self.inputs, 1)
        }

    def shape_of(self, made: Term | Leaf) -> list[int]:
        """The shape of what a term made last."""
        return made.shape if isinstance(made, Leaf) else self._shapes.get(id(made), [])

    def unused(self, model: nn.Module) -> list[list[int]]:
        """The shapes of the registered weights that no operator has held, the one that stopped included."""
        held = {id(tensor) for use in self.uses for tensor in use.held.values()}
        holder = self.failed[1].holder if self.failed else None
        left = [p for p in parameters(model).values() if id(p) not in held]
        shapes = [list(read(p, "shape")) for p in left if holder is None or p is not holder.tensor]
        return sorted(shape for shape in shapes if len(shape) > 1)[:32]

    def has_twins(self) -> bool:
        """Whether a layer like one in use, with other weights, ran in vain: no value says which is meant."""
        used = {(use.op, use.shape, _holders(use)) for use in self.uses if not use.dropped}
        vain = {(use.op, use.shape, _holders(use)) for use in self.uses if use.dropped} - used
        return bool({use[:2] for use in vain} & {use[:2] for use in used})

    def made(self, value: Any) -> Any:
        """How `value`, a tensor, came about; of anything else the same with the tensors in it replaced so."""
        if type(value) in PLAIN:  # most of what comes here
            return value
        if is_tensor(value):
            known = self._origin.get(id(value))
            return known[2] if known else Leaf(value)
        if isinstance(value, (list, tuple)):
            return [self.made(item) for item in value]
        return value

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        upstream = frozenset[int]()
        roots: dict[int, None] = {}  # in the order in which they came in
        for tensor in tensors((args, kwargs)):
            known = self._origin.get(id(tensor))
            upstream |= known[1] if known else frozenset()
            if not known or not known[1]:
                roots |= dict.fromkeys(self._roots.get(id(tensor), (id(tensor),)))
        for root in roots if upstream else ():
            self.met.setdefault(root, max(upstream))
        named = {key: self.made(one) for key, one in kwargs.items()} if kwargs else kwargs
        term = applied(func, tuple(map(self.made, args)), named)
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self.failed = (error, term)
            raise
        known_op = _SLOTS.get(func)
        if known_op is not None:
            op, names = known_op
            bound = {**dict(zip(names, args, strict=False)), **kwargs}
            held = {slot: bound[slot] for slot in _HELD if is_tensor(bound.get(slot))}
            upstream |= {len(self.uses)}
            self.uses.append(Use(op, held, upstream - {len(self.uses)}, term))
        if writes(func, kwargs) and args:
            self.overwritten.append(self.made(args[0]))
        for tensor in tensors(result):
            self._origin[id(tensor)] = (tensor, upstream, term)
            self._shapes[id(term)] = list(read(tensor, "shape"))
            if not upstream:
                self._roots[id(tensor)] = tuple(roots)
        return result

    def drop(self, output: Any) -> None:
        """Mark the uses of which nothing is in `output`: neither by data flow nor by gradient."""
        known = [self._origin[id(tensor)][1] for tensor in tensors(output) if id(tensor) in self._origin]
        if known:
            learning = {id(leaf) for tensor in tensors(output) for leaf in leaves(tensor)}
            for index, use in enumerate(self.uses):
                sources = {id(leaf) for tensor in use.held.values() for leaf in leaves(tensor)}
                use.dropped = index not in frozenset().union(*known) and not sources & learning


def stopped(
    name: str, error: BaseException, watch: Watch, model: nn.Module, called: str = ""
) -> dict[str, Any]:
    """What stopped a watched pass. Where it was an operator: which one, on what, and a digest of it all.

    `called` is the name under which the learner's code knows the model.
    """
    found = problem(name, error, model)
    if watch.failed is None or watch.failed[0] is not error:
        return found
    term = watch.failed[1]
    formulas = Formulas(model, called)
    operands = [one for given in term.given for one in (given if isinstance(given, list) else [given])]
    joined = [one for one in operands if isinstance(one, Term | Leaf) and one is not term.holder]
    return {
        **found,
        "claim": claim(term),
        "ran": sorted(str(claim(use.made)) for use in watch.uses[:_MOST_USES]),
        "unused": watch.unused(model),
        "operator": term.op,
        "layer": formulas.layer(term.holder) if term.holder else "",
        "takes": term.takes,
        "operands": [[formulas.of(one), watch.shape_of(one)] for one in joined[:4]],
    }


class Wanted(NamedTuple):
    """A role of the reference: its name, its tensor's shape, and whether that is learned."""

    role: str
    shape: tuple[int, ...]
    learned: bool

    @property
    def use(self) -> str:
        return self.role.rsplit(".", 1)[0]


@dataclass(frozen=True)
class Placement:
    """Which tensor of a model has which role, in one of the `orders` ways in which that can be read.

    Roles in `by_size` were given to tensors that merely have the right number of elements. `free` are
    the registered parameters that have no role.
    """

    held: dict[str, Tensor]
    by_size: frozenset[str]
    free: list[tuple[str, nn.Parameter]]
    orders: int


def place(watch: Watch, model: nn.Module, wanted: Sequence[Wanted], permutation: int = 0) -> Placement:
    """Give the tensors of a watched forward pass their roles.

    First by use, in the order of data flow. Roles that no watched operator shows (unfold and matmul, a
    linear layer for a 1×1 convolution) go to registered tensors of their size. Where weights are computed
    from others, that is tried as well. What stays ambiguous is numbered: `permutation` picks one reading.
    """
    readings = list(_readings(watch, model, wanted))
    named, extra = readings[permutation % len(readings)]
    placed = {id(tensor) for tensor in extra.values()}
    held = {role: t for role, t in named.items() if id(t) not in placed or role in extra} | extra
    taken = {id(tensor) for tensor in held.values()}
    free = [(name, p) for name, p in parameters(model).items() if id(p) not in taken and name != "alpha"]
    return Placement(held, frozenset(extra), free, len(readings))


def _readings(
    watch: Watch, model: nn.Module, wanted: Sequence[Wanted]
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """The roles by use and those by size, in every way in which they can be read, the likeliest first."""
    uses = watch.uses
    places = {index: place for place, index in enumerate(chain(*_alike(uses)))}
    # A tensor of a size alone belongs to the use whose result it met first, as a gain that of BatchNorm.
    came = {root: (places.get(use, -1), i) for i, (root, use) in enumerate(watch.met.items())}
    computed = {id(t) for u in uses if not u.dropped for t in u.held.values() if not read(t, "is_leaf")}
    if computed:  # then other tensors are registered, which may or may not be the weights themselves
        yield from (
            (named, dict[str, Tensor]()) for named in islice(_namings(uses, wanted), MAX_PERMUTATIONS)
        )
        uses = [replace(u, held={s: t for s, t in u.held.items() if id(t) not in computed}) for u in uses]
    by_size = (
        (named, extra) for named in _namings(uses, wanted) for extra in _by_size(named, model, wanted, came)
    )
    yield from islice(by_size, MAX_PERMUTATIONS)


def _alike(uses: list[Use]) -> list[list[int]]:
    """The uses in the order of data flow, those that nothing tells apart in one group."""
    signatures: dict[int, tuple[int, str, str]] = {}

    def signature(index: int) -> tuple[int, str, str]:
        """How much stands upstream, a digest of it (nested texts would double with each layer), itself."""
        if index not in signatures:
            use = uses[index]
            above = sorted(signature(i) for i in use.upstream)
            digest = hashlib.sha256(repr(above).encode()).hexdigest()
            signatures[index] = (len(use.upstream), digest, f"{use.op} {use.shape}")
        return signatures[index]

    # A module used twice holds the same tensors: one use speaks for both.
    first_use: dict[tuple[int, ...], int] = {}
    for index, use in enumerate(uses):
        if use.dropped:
            continue
        first_use.setdefault(_holders(use) or (-index - 1,), index)
    ordered = sorted(first_use.values(), key=lambda i: (signature(i), i))
    return [list(group) for _, group in groupby(ordered, key=signature)]


def _namings(uses: list[Use], wanted: Sequence[Wanted]) -> Iterator[dict[str, Tensor]]:
    """Roles by use, in every order of those that nothing tells apart."""
    for choice in product(*(permutations(group) for group in _alike(uses))):
        yield _name([uses[index] for group in choice for index in group], wanted)


def _name(uses: list[Use], wanted: Sequence[Wanted]) -> dict[str, Tensor]:
    """Roles by use: the reference's first use of the same operator and shape, else a number of its own.

    Where more have that shape than the reference has, a constant kernel gives way to those that learn.
    """
    shapes = {want.use: want.shape for want in wanted if want.role.endswith(".weight")}
    of_reference = Counter(name.split("#")[0] for name in shapes)
    held: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    room: Counter[tuple[str, tuple[int, ...] | None]] = Counter(
        (name.split("#")[0], shape) for name, shape in shapes.items()
    )
    crowd = Counter((use.op, use.shape) for use in uses)
    for use in sorted(uses, key=lambda u: u.constant and crowd[u.op, u.shape] > room[u.op, u.shape]):
        fitting = [name for name in shapes if name.startswith(f"{use.op}#")]
        name = next((name for name in fitting if use.shape in (None, shapes[name])), None)
        if name is None and use.op == "conv2d":  # with a 1×1 kernel it does what a linear layer does
            linear = [name for name in shapes if name.startswith("linear#")]
            name = next((name for name in linear if use.shape == (*shapes[name], 1, 1)), None)
        if name is None:
            counts[use.op] = counts.get(use.op, 0) + 1
            name = f"{use.op}#{of_reference.get(use.op, 0) + counts[use.op]}"
        shapes.pop(name, None)
        held |= {f"{name}.{slot}": tensor for slot, tensor in use.held.items()}
    return held


def _by_size(
    named: dict[str, Tensor], model: nn.Module, wanted: Sequence[Wanted], came: Mapping[int, tuple[int, int]]
) -> list[dict[str, Tensor]]:
    """All ways to give the roles that are still wanted to registered tensors of their size.

    The first takes tensors in the order in which they came in, and passes over biases that none need have.
    """
    used = {want.use for want in wanted}
    standing_in = set(_STAND_INS) - {use.split("#")[0] for use in used}
    taken = {
        id(tensor)
        for role, tensor in named.items()
        if role.rsplit(".", 1)[0] in used or role.split("#")[0] not in standing_in
    }
    names: dict[tuple[bool, int], list[str]] = {}
    for want in wanted:
        if want.role not in named:
            names.setdefault((want.learned, math.prod(want.shape)), []).append(want.role)
    ways: list[list[dict[str, Tensor]]] = []
    for (learned, count), roles in names.items():
        registered = parameters(model) if learned else buffers(model)
        fits = [t for n, t in registered.items() if n != "alpha" and size(t) == count and id(t) not in taken]
        if not fits:
            continue
        fits.sort(key=lambda tensor: came.get(id(tensor), (len(came), 0)))
        roles.sort(key=is_optional_bias)
        few = min(len(fits), len(roles))
        pairs = (
            dict(zip(chosen, some, strict=True))
            for chosen in combinations(roles, few)
            for some in permutations(fits, few)
        )
        ways.append(list(islice(pairs, MAX_PERMUTATIONS)))
    return [
        {role: tensor for way in choice for role, tensor in way.items()}
        for choice in islice(product(*ways), MAX_PERMUTATIONS)
    ]
