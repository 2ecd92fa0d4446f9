"""What each visualiser shows and misses: the same small models through each of them.

    python benchmarks/peers.py            prints the table
    python benchmarks/peers.py --write    puts it into docs/tracing.md

Each tool's own records are read, not its picture: which nodes there are and which edges. Every case
asks one question that the records answer with yes or no; "error" means that the tool raised.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src")]

from sumskip import trace  # noqa: E402

PAGE = ROOT / "docs" / "tracing.md"
PLUS = r"^\+|add"


@dataclass
class Records:
    """What a tool has recorded: the text of every node, and the edges between them."""

    nodes: dict[str, str]
    edges: list[tuple[str, str]]

    def shows(self, pattern: str) -> bool:
        return self.count(pattern) > 0

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, text, re.IGNORECASE)) for text in self.nodes.values())

    def joined(self, source: str, target: str) -> int:
        """How many edges lead from a node of one description straight to one of the other."""
        return sum(
            bool(re.search(source, self.nodes.get(a, ""), re.IGNORECASE))
            and bool(re.search(target, self.nodes.get(b, ""), re.IGNORECASE))
            for a, b in self.edges
        )


# -- the tools -------------------------------------------------------------------------------------


def with_sumskip(model: Any, x: Tensor) -> Records:
    found = trace(model, x)
    nodes = {
        node.id: " ".join([node.label, node.type_name, *node.marks, *node.results]) for node in found.nodes
    }
    if found.fault is not None:
        nodes[found.fault.node] += f" failed: {found.fault.sentence}"
    return Records(nodes, [(edge.source, edge.target) for edge in found.edges])


def with_torchview(model: Any, x: Tensor) -> Records:
    from torchview import draw_graph

    graph = draw_graph(model, input_data=x, hide_inner_tensors=True)
    # Its graph is `strict`: of two equal edges one is drawn.
    edges = list(dict.fromkeys((str(id(a)), str(id(b))) for a, b in graph.edge_list))
    nodes = {str(id(node)): node.name for edge in graph.edge_list for node in edge}
    return Records(nodes, edges)


def with_torchvista(model: Any, x: Tensor) -> Records:
    from torchvista.engine import process_graph

    graph: dict[str, Any] = {}
    names: dict[str, str] = {}
    raised: Exception | None = None
    try:
        process_graph(
            model, x, graph, {}, {}, {}, defaultdict(list), {}, {}, names, defaultdict(list), set(), {},
            show_non_gradient_nodes=True, forced_module_tracing_depth=None, show_module_attr_names=True,
        )  # fmt: skip
    except Exception as error:  # it draws what it has, and so do we
        raised = error
    if raised is not None and not any(node["failed"] for node in graph.values()):
        raise raised
    nodes = {n: f"{n} {names.get(n, '')}{' failed' * node['failed']}" for n, node in graph.items()}
    return Records(nodes, [(n, edge["target"]) for n, node in graph.items() for edge in node["edges"]])


def with_torchlens(model: Any, x: Tensor) -> Records:
    import torchlens

    ops = list(torchlens.trace(model, x).ops)
    nodes = {op.label: f"{op.layer_label} {op.func_name} {op.params}" for op in ops}
    # Of a layer that ran once, the first pass is meant.
    edges = [(p if p in nodes else f"{p}:1", op.label) for op in ops for p in op.parents]
    return Records(nodes, edges)


def with_torchinfo(model: Any, x: Tensor) -> Records:
    from torchinfo import summary

    layers = summary(model, input_data=x, verbose=0).summary_list
    return Records({str(n): f"{layer.class_name} {layer.var_name}" for n, layer in enumerate(layers)}, [])


TOOLS = {
    "sumskip": with_sumskip,
    "torchview": with_torchview,
    "torchvista": with_torchvista,
    "torchlens": with_torchlens,
    "torchinfo": with_torchinfo,
}


# -- the cases -------------------------------------------------------------------------------------


class Halves(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(x), torch.sigmoid(x)


class Model(nn.Module):
    """Layers that every tool names alike, and the forward pass of a case."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        self.run = run
        self.tanh, self.sigmoid, self.skip = nn.Tanh(), nn.Sigmoid(), nn.Identity()
        self.linear = nn.Linear(6, 4)
        self.norm, self.dropout = nn.BatchNorm1d(6), nn.Dropout(0.5)
        self.halves, self.encoder = Halves(), nn.TransformerEncoderLayer(6, 2, 8)
        self.alpha = nn.Parameter(torch.tensor(0.25))
        self.free = torch.ones(6)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def in_place(self: Model, x: Tensor) -> Tensor:
    a = self.tanh(x)
    a += x
    return self.sigmoid(a)


def twice(self: Model, x: Tensor) -> Tensor:
    a = self.tanh(x)
    return a + a


def through_a_view(self: Model, x: Tensor) -> Tensor:
    a = x * 2
    part = a[:, :2]
    part.sigmoid_()
    return self.tanh(a)


def shortcut(self: Model, x: Tensor) -> Tensor:
    kept = self.skip(x)
    return self.tanh(x) + kept


def dropped(self: Model, x: Tensor) -> Tensor:
    kept = F.dropout(x, training=False)
    return self.tanh(x) + kept


def weighted(self: Model, x: Tensor) -> Tensor:
    return self.alpha * self.tanh(x) + (1 - self.alpha) * self.sigmoid(x)


def two_exits(self: Model, x: Tensor) -> Tensor:
    low, high = self.halves(x)
    return low + high


def named_results(self: Model, x: Tensor) -> Tensor:
    query, keys, values = x.chunk(3, 1)
    return query * keys + values


def computed_weight(self: Model, x: Tensor) -> Tensor:
    weight = torch.sigmoid(x.T @ x)[:4]
    return torch.func.functional_call(self.linear, {"weight": weight}, (x,))


Question = Callable[[Records], bool]
CASES: list[tuple[str, Any, Question]] = [
    (
        "`a + b`: both branches lead to the sum",
        lambda self, x: self.tanh(x) + self.sigmoid(x),
        lambda r: r.joined("tanh", PLUS) == 1 and r.joined("sigmoid", PLUS) == 1,
    ),
    (
        "`a += b`: what follows reads the result",
        in_place,
        lambda r: r.joined("tanh", PLUS) == 1 and r.joined(PLUS, "sigmoid") == 1,
    ),
    ("`a += b` is said to overwrite", in_place, lambda r: r.shows("overwrit|iadd|in-?place|add_(?!_)")),
    ("`o + o` has two edges", twice, lambda r: r.joined("tanh", PLUS) == 2),
    ("`1 - alpha`: the 1 is there", weighted, lambda r: r.joined(r"^1\b|scalar|constant", r"−|sub") == 1),
    ("alpha is there, by its name", weighted, lambda r: r.shows(r"\balpha\b")),
    (
        "alpha leads to two operators",
        weighted,
        lambda r: (
            (r.joined("alpha|param", "×|mul") >= 1 and r.joined("alpha|param", "−|sub") >= 1)
            or r.count(r"\balpha\b") == 2
        ),
    ),
    (
        "`nn.Identity` as a shortcut keeps its edge",
        shortcut,
        lambda r: r.joined("identity|skip", PLUS) == 1 and r.joined("identity|skip", "tanh") == 0,
    ),
    (
        "dropout in eval mode as a shortcut too",
        dropped,
        lambda r: r.joined("dropout", PLUS) == 1 and r.joined("dropout", "tanh") == 0,
    ),
    (
        "written through a view: the write leads on",
        through_a_view,
        lambda r: r.joined("sigmoid", "tanh") == 1,
    ),
    (
        "a module called twice is there twice",
        lambda self, x: self.tanh(self.tanh(x)),
        lambda r: r.count("tanh") == 2 and (not r.edges or r.joined("tanh", "tanh") == 1),
    ),
    (
        "`detach` is there",
        lambda self, x: self.linear(x).detach() * 2,
        lambda r: r.shows("detach"),
    ),
    (
        "the gradient is said to stop there",
        lambda self, x: self.linear(x).detach() * 2,
        lambda r: r.shows("gradient stops"),
    ),
    (
        "`alpha.item()` leads to where it is used",
        lambda self, x: self.alpha.item() * x,
        lambda r: r.joined("item", "×|mul") == 1,
    ),
    (
        "a tensor that is no parameter is there",
        lambda self, x: x * self.free,
        lambda r: r.joined(r"free|tensor_constant|constant|internal|buffer", "×|mul") == 1,
    ),
    (
        "silent stretching is said",
        lambda self, x: x + x.mean(1, keepdim=True),
        lambda r: r.shows("stretch|broadcast"),
    ),
    (
        "a failing forward pass is shown up to the failure",
        lambda self, x: self.tanh(x) + self.linear(x),
        lambda r: r.shows("fail") and r.joined("tanh", PLUS) == 1,
    ),
    (
        "another thread: nothing is drawn wrongly",
        lambda self, x: in_thread(lambda: self.linear(x)) * 2,
        lambda r: r.shows(r"not looked|not seen|unseen|unknown") or r.joined("linear", "×|mul") == 1,
    ),
    (
        "`vmap`: input and output are connected",
        lambda self, x: self.tanh(torch.vmap(lambda one: one * 2)(x)),
        lambda r: r.joined("vmap", "tanh") == 1 or r.joined("×|mul", "tanh") == 1,
    ),
    (
        "a dict comes out: both results are there",
        lambda self, x: {"a": self.tanh(x), "b": self.sigmoid(x)},
        lambda r: r.joined("tanh", "output") == 1 and r.joined("sigmoid", "output") == 1,
    ),
    (
        "a box with two exits: both lead to the sum",
        two_exits,
        lambda r: r.joined("tanh", PLUS) == 1 and r.joined("sigmoid", PLUS) == 1,
    ),
    ("of `q, k, v = x.chunk(3)` each has its name", named_results, lambda r: r.shows(r"\bkeys\b")),
    (
        "a weight computed in this pass leads to its layer",
        computed_weight,
        lambda r: r.joined(r"\[ \]|getitem|\[:4\]", "linear") == 1,
    ),
    (
        "a layer made in `forward` is said to be new each time",
        lambda self, x: nn.Linear(6, 4)(x),
        lambda r: r.shows("anew"),
    ),
    (
        "the additions in torch's own transformer layer are there",
        lambda self, x: self.encoder(x),
        lambda r: r.count(PLUS) == 2,
    ),
    (
        "an int comes out: what ran is there",
        lambda self, x: self.tanh(x).argmax().item(),
        lambda r: r.joined("tanh", "argmax") == 1,
    ),
]


def in_thread(work: Callable[[], Any]) -> Any:
    import threading

    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def asks(tool: Callable[[Any, Tensor], Records], run: Any, question: Question) -> str:
    torch.manual_seed(0)
    try:
        return "yes" if question(tool(Model(run).eval(), torch.randn(2, 6))) else "no"
    except Exception:
        return "error"


def restores(tool: Callable[[Any, Tensor], Records]) -> str:
    """Whether buffers, random numbers and lazy layers are afterwards what they were."""
    model = Model(lambda self, x: self.lazy(self.dropout(self.norm(x)))).train()
    model.lazy = nn.LazyLinear(3)
    before, numbers = copy.deepcopy(dict(model.norm.named_buffers())), torch.get_rng_state()
    try:
        tool(model, torch.randn(2, 6, generator=torch.Generator().manual_seed(0)))
    except Exception:
        return "error"
    same = all(torch.equal(buffer, before[name]) for name, buffer in model.norm.named_buffers())
    return (
        "yes"
        if same and torch.equal(numbers, torch.get_rng_state()) and model.lazy.in_features == 0
        else "no"
    )


def takes_functions(tool: Callable[[Any, Tensor], Records]) -> str:
    try:
        return "yes" if tool(lambda x: x + x, torch.randn(2, 6)).shows(PLUS) else "no"
    except Exception:
        return "error"


def column(name: str) -> list[str]:
    """One tool's answers, in the order of the rows."""
    tool = TOOLS[name]
    return [*(asks(tool, run, question) for _, run, question in CASES), takes_functions(tool), restores(tool)]


def table() -> str:
    """All answers; each tool in a process of its own, because some of them change torch for good."""
    tools = [name for name in TOOLS if importlib.util.find_spec(name)]
    columns = []
    for name in tools:
        command = [sys.executable, "-W", "ignore", __file__, "--tool", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        columns.append(json.loads(done.stdout.splitlines()[-1]))
    titles = [
        *(title for title, _, _ in CASES),
        "a plain function can be traced",
        "buffers, random numbers, lazy layers stay",
    ]
    lines = [["", *tools], ["---"] * (len(tools) + 1), *map(list, zip(titles, *columns, strict=True))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: list[str]) -> int:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    if arguments[:1] == ["--tool"]:
        print(json.dumps(column(arguments[1])))
        return 0
    made = table()
    print(made)
    if "--write" in arguments:
        text = PAGE.read_text(encoding="utf-8")
        pattern = r"(<!-- table -->\n).*?(<!-- end -->)"
        PAGE.write_text(
            re.sub(pattern, lambda m: m[1] + made + "\n" + m[2], text, flags=re.DOTALL), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
