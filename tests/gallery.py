"""Every kind of picture we can draw, for a look and for the tests of the drawings.

    python tests/gallery.py [FOLDER]      (or `make gallery`; the folder is out/gallery)

writes an SVG, a PNG and an outline of each case, and `index.html` with all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import published
from sumskip import Trace, trace


class SequentialModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.layers = nn.Sequential(self.conv1, self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class AdditionModel(nn.Module):
    def __init__(self, middle: int = 16, last: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(middle, last, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


class WeightedAdditionModel(AdditionModel):
    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


class SkipFromX(AdditionModel):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return x + out2


class IdentityBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return torch.relu(out + self.shortcut(x))


class ShortcutKeepsSize(ResidualBlock):
    """Its shortcut forgets the stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, stride)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)


class TinyResNet(nn.Module):
    def __init__(self, block: Callable[..., nn.Module] = ResidualBlock, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.stem(x)))
        x = self.block2(self.block1(x))
        return self.head(self.pool(x).flatten(1))


class DeepResNet(nn.Module):
    """18 layers, as torchvision's resnet18 has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        widths = [(16, 16, 1), (16, 32, 2), (32, 64, 2), (64, 64, 2)]
        self.layers = nn.Sequential(
            *(nn.Sequential(ResidualBlock(i, o, s), ResidualBlock(o, o)) for i, o, s in widths)
        )
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


class Gate(nn.Module):
    """One parameter for each channel, which is stretched over the image."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.full((16, 1, 1), 0.5))
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.gate * self.conv(x)


class Stretched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.squeeze = nn.Conv2d(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.squeeze(out1)
        return out1 + out2


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, 1)
        self.three = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 5, padding=2))
        self.pool = nn.MaxPool2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class Dense(nn.Module):
    """Everything before is added to everything after: many skips at once."""

    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        outs = [x]
        for conv in self.convs:
            outs.append(conv(sum(outs[1:], outs[0])))
        return torch.stack(outs).sum(0)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(3, 8, 3, padding=1)
        self.down2 = nn.Conv2d(8, 16, 3, padding=1)
        self.bottom = nn.Conv2d(16, 16, 3, padding=1)
        self.up2 = nn.Conv2d(32, 8, 3, padding=1)
        self.up1 = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.down1(x)
        low = self.down2(F.max_pool2d(high, 2))
        deep = F.interpolate(self.bottom(F.max_pool2d(low, 2)), scale_factor=2)
        mid = F.interpolate(self.up2(torch.cat([low, deep], 1)), scale_factor=2)
        return self.up1(torch.cat([high, mid], 1))


class Alpha(nn.Module):
    """`formula(alpha, out1, out2)` on two convolutions."""

    def __init__(self, formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.3))
        self.formula = formula

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.formula(self.alpha, out1, out2)


class Overwriting(AdditionModel):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        out1 += out2
        return out1


class Detached(AdditionModel):
    def forward(self, x: Tensor) -> Tensor:
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1.detach() + out2


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = IdentityBlock(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.block(x))


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small = nn.Linear(4, 4)
        self.large = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return self.large(x)
        return self.small(x)


class Outputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(4, 2)
        self.right = nn.Linear(4, 3)

    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        masked = image * mask
        return {"left": self.left(masked), "right": self.right(masked)}


class Shortcut(nn.Module):
    def __init__(self, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.shortcut(x)


class Memory(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.lstm(words)
        return self.head(states[:, -1])


class Hostile(nn.Module):
    """Names that would break a careless drawing."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module('<script>alert("1")</script>', nn.Linear(4, 4))
        self.add_module("a" * 300, nn.Linear(4, 4))
        self.add_module("$x^2$ & 名前 \u202e evil", nn.Linear(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        for module in self.children():
            x = module(x)
        return x


def _view_write(x: Tensor) -> Tensor:
    y = x * 2
    row = y[0]
    row += 1
    return y


def _long_chain(x: Tensor) -> Tensor:
    for _ in range(600):
        x = torch.tanh(x + 1)
    return x


def _image(*shape: int) -> Tensor:
    return torch.randn(*(shape or (1, 3, 32, 32)), generator=torch.Generator().manual_seed(0))


def _two_convs() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(3, 32, 3, padding=1))


def _formula(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Trace:
    return trace(Alpha(formula), _image())


def _published(name: str) -> Trace:
    make, x = published.MODELS[name]
    return trace(make().eval(), x)


S = (1, 16, 32, 32)
CASES: dict[str, Callable[[], Trace]] = {
    # the models of the mission
    "sequential": lambda: trace(SequentialModel(), _image()),
    "addition": lambda: trace(AdditionModel(), _image()),
    "weighted": lambda: trace(WeightedAdditionModel(), _image()),
    "weighted_gradients": lambda: trace(WeightedAdditionModel(), _image(), gradients=True),
    "addition_gradients": lambda: trace(AdditionModel(), _image(), gradients=True),
    "identity_block": lambda: trace(IdentityBlock(16), _image(*S)),
    "residual_block": lambda: trace(ResidualBlock(16, 32, 2), _image(*S)),
    "residual_block_identity": lambda: trace(ResidualBlock(16, 16), _image(*S)),
    "tiny_resnet": lambda: trace(TinyResNet(), _image(4, 1, 8, 8)),
    "deep_resnet": lambda: trace(DeepResNet(), _image()),
    # failing
    "fails_skip_from_x": lambda: trace(SkipFromX(), _image()),
    "fails_channels": lambda: trace(AdditionModel(16, 24), _image()),
    "fails_conv_channels": lambda: trace(AdditionModel(3), _image()),
    "fails_sequential": lambda: trace(_two_convs(), _image()),
    "fails_block": lambda: trace(TinyResNet(ShortcutKeepsSize), _image(4, 1, 8, 8)),
    "fails_cat": lambda: trace(lambda a, b: torch.cat([a, b], 1), _image(1, 3, 8, 8), _image(1, 3, 9, 8)),
    "fails_matmul": lambda: trace(lambda a, b: a @ b, _image(4, 3), _image(4, 3)),
    "fails_no_shapes": lambda: trace(lambda x: x + "one", _image()),
    # broadcasting
    "stretches_gate": lambda: trace(Gate(), _image()),
    "stretches_channels": lambda: trace(Stretched(), _image()),
    "stretches_both": lambda: trace(lambda rows, columns: rows + columns, _image(4, 1), _image(1, 3)),
    # operators
    "torch_add": lambda: _formula(lambda alpha, a, b: torch.add(a, b)),
    "overwrites": lambda: trace(Overwriting(), _image()),
    "sum_of_list": lambda: _formula(lambda alpha, a, b: sum([a, b])),  # type: ignore[arg-type, return-value]
    "stack_sum": lambda: _formula(lambda alpha, a, b: torch.stack([a, b]).sum(0)),
    "cat": lambda: _formula(lambda alpha, a, b: torch.cat([a, b], 1)),
    "lerp": lambda: _formula(lambda alpha, a, b: torch.lerp(b, a, alpha)),
    "einsum": lambda: _formula(lambda alpha, a, b: torch.einsum("nchw,nchw->nchw", a, b)),
    "numpy_scalar": lambda: _formula(lambda alpha, a, b: np.float64(0.5) * a + b * np.float32(2)),
    "sigmoid_alpha": lambda: _formula(
        lambda alpha, a, b: torch.sigmoid(alpha) * a + (1 - torch.sigmoid(alpha)) * b
    ),
    "item_alpha": lambda: _formula(lambda alpha, a, b: alpha.item() * a + (1 - alpha.item()) * b),
    "data_alpha": lambda: _formula(lambda alpha, a, b: alpha.data * a + (1 - alpha.data) * b),
    "brackets": lambda: _formula(lambda alpha, a, b: alpha * a + 1 - alpha * b),
    "average": lambda: _formula(lambda alpha, a, b: (a + b) / 2),
    "detached": lambda: trace(Detached(), _image()),
    "o_plus_o": lambda: trace(lambda o: o + o, _image()),
    "o_times_three": lambda: trace(lambda o: torch.cat([o, o, o], 1), _image()),
    "view_write": lambda: trace(_view_write, _image(2, 3)),
    "inplace_relu": lambda: trace(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True)), _image()),
    # modules
    "twice": lambda: trace(Twice(), _image(1, 4, 8, 8)),
    "branch": lambda: trace(Branch(), torch.ones(2, 4)),
    "two_inputs_dict": lambda: trace(Outputs(), _image(2, 4), _image(2, 4)),
    "identity_shortcut": lambda: trace(Shortcut(nn.Identity()), _image(*S)),
    "dropout_shortcut": lambda: trace(Shortcut(nn.Dropout()).eval(), _image(*S)),
    "nested": lambda: trace(
        nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Sequential(nn.Conv2d(4, 4, 3))),
        _image(),
    ),
    "lstm": lambda: trace(Memory(), _image(2, 5, 8)),
    "inception": lambda: trace(Inception(), _image()),
    "dense": lambda: trace(Dense(), _image(1, 4, 8, 8)),
    "unet": lambda: trace(UNet(), _image()),
    **{name: partial(_published, name) for name in published.MODELS},
    # trying
    "hostile": lambda: trace(Hostile(), _image(2, 4)),
    "long_chain": lambda: trace(_long_chain, _image(2, 4)),
    "wide_sum": lambda: trace(lambda x: sum((x * k for k in range(1, 12)), x), _image(2, 4)),
}


def draw_all(folder: Path, only: list[str]) -> int:
    """Draw the cases, or those whose name is in `only`; how many could not be."""
    folder.mkdir(parents=True, exist_ok=True)
    page = ['<!doctype html><meta charset="utf-8"><title>Gallery</title>']
    failed = 0
    for name, make in CASES.items():
        if only and name not in only:
            continue
        try:
            torch.manual_seed(0)
            made = make()
            (folder / f"{name}.svg").write_text(made.to_svg(), encoding="utf-8")
            (folder / f"{name}.png").write_bytes(made.to_png(scale=1.5))
            text = f"{made.alt_text}\n\n{made.to_text()}\n"
        except Exception as error:
            failed += 1
            text = f"not drawn: {type(error).__name__}: {error}\n"
            print(f"{name}: {text}", end="")
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        picture = f'<img src="{name}.svg" style="max-width:100%">'
        page.append(f"<h2>{name}</h2>\n{picture}\n<pre>{escape(text)}</pre>")
    (folder / "index.html").write_text("\n".join(page), encoding="utf-8")
    print(f"{len(page) - 1} pictures in {folder}")
    return failed


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "out/gallery"
    sys.exit(1 if draw_all(target, sys.argv[2:]) else 0)
