"""What tracing costs, side by side with a plain forward pass and with other visualisers.

    pip install --constraint constraints.txt --editable ".[bench]"
    python benchmarks/tracing.py

All numbers are multiples of the plain forward pass of the same model, taken in turns with it on one
thread: times differ from machine to machine, ratios much less. It is the processor's time that counts,
so that other programs do not. Ours is measured first, because some of the others change torch for good.
A tool that is not installed is left out. The exit status is 1 where a bound of ours is missed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from autograder.exercises import EXERCISES  # noqa: E402
from sumskip import trace  # noqa: E402

ROUNDS = 60
SLOW = 7  # rounds for what takes more than a fiftieth of a second
SMALLEST, GOAL, MILLISECONDS, LARGE = 8.0, 4.0, 5.0, 1.10


class ResNet18(nn.Module):
    """An 18-layer network of the course's own blocks. (N, 3, H, W) to (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        block = EXERCISES["residual_block"].answer
        widths = [(16, 16, 1), (16, 32, 2), (32, 64, 2), (64, 128, 2)]
        self.stem = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.stages = nn.Sequential(
            *(nn.Sequential(block(i, o, stride), block(o, o)) for i, o, stride in widths)
        )
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(torch.relu(self.stem(x))).mean(dim=(2, 3)))


def torchview(model: nn.Module, x: Tensor) -> Any:
    from torchview import draw_graph

    graph = draw_graph(model, input_data=x).visual_graph
    return graph.pipe(format="svg") if shutil.which("dot") else graph.source


def torchvista(model: nn.Module, x: Tensor) -> Any:
    from torchvista import trace_model

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trace_model(model, x, export_path=str(Path(folder) / "graph.html"))


def torchlens(model: nn.Module, x: Tensor) -> Any:
    import torchlens as lens

    return lens.trace(model, x)


def torchinfo(model: nn.Module, x: Tensor) -> Any:
    from torchinfo import summary

    return summary(model, input_data=x, verbose=0)


Tool = Callable[[nn.Module, Tensor], Any]
# What each is measured at: torchinfo its table, torchlens its records, torchvista its HTML, and
# torchview its SVG where Graphviz' `dot` is installed, otherwise the text for it.
OURS: dict[str, Tool] = {
    "trace": lambda model, x: trace(model, x),
    "trace + SVG": lambda model, x: trace(model, x).to_svg(),
}
PEERS: dict[str, Tool] = {
    "torchinfo": torchinfo,
    "torchview": torchview,
    "torchvista": torchvista,
    "torchlens": torchlens,
}
DRAWS = ("torchview", "torchvista") if shutil.which("dot") else ("torchvista",)


def models() -> dict[str, tuple[nn.Module, Tensor]]:
    photo = torch.randn(1, 3, 32, 32)
    block = EXERCISES["residual_block"].answer
    return {
        "sequential": (EXERCISES["sequential_model"].answer(), photo),
        "addition": (EXERCISES["addition_model"].answer(), photo),
        "weighted": (EXERCISES["weighted_addition_model"].answer(), photo),
        "2-block ResNet": (EXERCISES["tiny_resnet"].answer(block).eval(), torch.randn(1, 1, 8, 8)),
        "18 layers": (ResNet18().eval(), torch.randn(1, 3, 64, 64)),
        "addition, 8×3×128×128": (EXERCISES["addition_model"].answer(), torch.randn(8, 3, 128, 128)),
        "18 layers, 8×3×128×128": (ResNet18().eval(), torch.randn(8, 3, 128, 128)),
    }


def measure(model: nn.Module, x: Tensor, tools: dict[str, Tool]) -> dict[str, float]:
    """Seconds of each, the median over rounds in which they take turns; "plain" is the forward pass."""
    runs: dict[str, Tool] = {"plain": lambda model, x: model(x), **tools}
    first = {name: min(_seconds(run, model, x) for _ in range(2)) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS):
        for name, run in runs.items():
            if turn < SLOW or first[name] < 0.02:
                times[name].append(_seconds(run, model, x))
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _seconds(run: Tool, model: nn.Module, x: Tensor) -> float:
    start = time.process_time()
    run(model, x)
    return time.process_time() - start


def main() -> int:
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    results = {label: measure(model, x, OURS) for label, (model, x) in models().items()}
    peers = {name: run for name, run in PEERS.items() if importlib.util.find_spec(name)}
    ratios = {label: _ratios(seconds) for label, seconds in results.items()}
    for label, (model, x) in models().items():
        if "128×128" not in label:
            ratios[label] |= _ratios(measure(model, x, peers))
    columns = [*OURS, *peers]
    print(f"{'':24}{'plain':>9}" + "".join(f"{name:>13}" for name in columns))
    for label, found in ratios.items():
        cells = (f"{found[name]:12.2f}×" if name in found else f"{'':>13}" for name in columns)
        print(f"{label:24}{1000 * results[label]['plain']:6.2f} ms" + "".join(cells))
    for name in PEERS.keys() - peers.keys():
        print(f"{name} is not installed and was left out")
    missed = list(misses(results, ratios))
    print(*(f"MISSED: {line}" for line in missed), sep="\n") if missed else print("all bounds hold")
    return int(bool(missed))


def _ratios(seconds: dict[str, float]) -> dict[str, float]:
    return {name: taken / seconds["plain"] for name, taken in seconds.items() if name != "plain"}


def misses(results: dict[str, dict[str, float]], ratios: dict[str, dict[str, float]]) -> Iterator[str]:
    """The bounds that do not hold, in words."""
    smallest = min(("sequential", "addition", "weighted"), key=lambda label: results[label]["plain"])
    ratio, milliseconds = ratios[smallest]["trace"], 1000 * results[smallest]["trace"]
    print(f"smallest model: {smallest}, {ratio:.1f}× (bound {SMALLEST:g}×, goal {GOAL:g}×)")
    if ratio > SMALLEST:
        yield f"tracing {smallest} takes {ratio:.1f} times a plain forward pass, more than {SMALLEST:g}"
    if milliseconds > MILLISECONDS:
        yield f"tracing {smallest} takes {milliseconds:.1f} ms, more than {MILLISECONDS:g}"
    for label, found in ratios.items():
        if "128×128" in label and found["trace"] > LARGE:
            yield f"{label}: tracing takes {found['trace']:.2f} times a plain forward pass"
        for name in DRAWS:
            if found["trace + SVG"] > found.get(name, float("inf")):
                yield f"{label}: a trace with its SVG takes longer than {name}"


if __name__ == "__main__":
    raise SystemExit(main())
