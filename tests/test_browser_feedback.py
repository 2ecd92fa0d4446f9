"""The feedback as learners see it: three mistakes a lesson, in the real JupyterLab.

With SUMSKIP_SCREENSHOTS=FOLDER the pages are kept there, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from browser import Lab, lab  # noqa: F401 - a fixture

CONV = "nn.Conv2d({}, {}, kernel_size=3, padding=1)"
SETUP = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\nfrom sumskip import check"


def model(name: str, forward: str, *layers: tuple[int, int], more: str = "pass") -> str:
    """A learner's class with numbered convolutions and one line of `forward`."""
    made = "\n".join(f"        self.conv{i} = {CONV.format(*pair)}" for i, pair in enumerate(layers, 1))
    lines = "\n".join(f"        {line}" for line in forward.splitlines())
    return (
        f"class {name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{made}\n        {more}\n\n"
        f"    def forward(self, x):\n{lines}\n"
    )


def block(last: str) -> str:
    return (
        "class IdentityBlock(nn.Module):\n    def __init__(self, channels):\n        super().__init__()\n"
        "        self.f = nn.Sequential(\n"
        "            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),\n"
        "            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))\n\n"
        f"    def forward(self, x):\n        {last}\n"
    )


def weighted(forward: str, more: str) -> str:
    return model("WeightedAdditionModel", BOTH + forward, (3, 16), (16, 16), more=more)


BOTH = "out1 = self.conv1(x)\nout2 = self.conv2(out1)\n"
BLEND = "return self.alpha * out1 + (1 - self.alpha) * out2"
REVERSED = "return (1 - self.alpha) * out1 + self.alpha * out2"
ITEM = "a = self.alpha.item()\nreturn a * out1 + (1 - a) * out2"
ALPHA = "self.alpha = nn.Parameter(torch.tensor(0.5))"
# The exercise, the wrong answer, and a part of the sentence that a learner must read.
MISTAKES = {
    "01": [
        (
            "sequential_model",
            model("SequentialModel", BOTH + "return self.conv3(x) + out2", (3, 16), (16, 32), (3, 32)),
            "values",
        ),
        (
            "sequential_model",
            model("SequentialModel", "return self.conv2(x)", (3, 16), (16, 32)),
            "16 channels",
        ),
        (
            "intermediate_outputs",
            "def intermediate_outputs(model, x):\n    return [layer(x) for layer in model]\n",
            "x",
        ),
    ],
    "02": [
        ("addition_model", model("AdditionModel", BOTH + "return out2", (3, 16), (16, 16)), "`out2`"),
        ("addition_model", model("AdditionModel", BOTH + "return x + out2", (3, 16), (16, 16)), "channels"),
        (
            "repair_addition",
            model("RepairedModel", BOTH + "return out1.detach() + out2", (3, 16), (16, 16)),
            "gradient",
        ),
    ],
    "03": [
        ("weighted_addition_model", weighted(BLEND, "self.alpha = 0.5"), "`parameters()`"),
        ("weighted_addition_model", weighted(REVERSED, ALPHA), "`out1`"),
        ("weighted_addition_model", weighted(ITEM, ALPHA), "alpha.grad"),
    ],
    "04": [
        ("identity_block", block("return F.relu(self.f(x))"), "x"),
        ("identity_block", block("return F.relu(self.f(x)) + x"), "ReLU"),
        (
            "residual_block",
            block("return F.relu(self.f(x) + x)").replace("IdentityBlock", "ResidualBlock"),
            "argument",
        ),
    ],
}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("lesson", MISTAKES)
def test_three_mistakes(lab: Lab, lesson: str) -> None:  # noqa: F811 - pytest's way to ask for a fixture
    """Each mistake shows its sentence, its points and no traceback."""
    mistakes = MISTAKES[lesson]
    cells = [SETUP]
    for exercise, source, _ in mistakes:
        symbol = source.split("(")[0].split()[-1]
        cells.append(f'{source}\n\ncheck("{exercise}", {symbol})')
    name = f"mistakes_{lesson}.ipynb"
    lab.write(name, cells)
    notebook = lab.open(name, height=1900)
    notebook.run_all()
    if folder := os.environ.get("SUMSKIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        notebook.page.screenshot(path=Path(folder) / f"mistakes_{lesson}.png")
    for place, (exercise, _, words) in enumerate(mistakes, 1):
        box = notebook.output(place).get_by_role("status")
        said = box.inner_text()
        assert f"✗ Not yet: {exercise}" in said
        assert words.replace("`", "") in said
        assert "Traceback" not in notebook.output(place).inner_text()
    notebook.close()
