"""`sequential_model`: 3→16→32 channels, chained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.building import both, chain, conv, pair, slips
from autograder.exercises.vocabulary import Exercise, Misconception, images, model_parts
from sumskip.checking.core import Hint


class SequentialModel(nn.Module):
    """Chain 3→16→32 channels: the second convolution reads the first one's output, nothing else.

    Shapes: (N, 3, H, W) → (N, 32, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, padding=1),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ListInSequential(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential([conv(3, 16), conv(16, 32)])  # type: ignore[call-overload]


class ClassAsLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 16), nn.ReLU, conv(16, 32))  # type: ignore[call-overload]


class FunctionAsLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 16), F.relu, conv(16, 32))  # type: ignore[call-overload]


class ModuleListCalled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([conv(3, 16), conv(16, 32)])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ModuleDictCalled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"first": conv(3, 16), "second": conv(16, 32)})

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ListCalled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [conv(3, 16), conv(16, 32)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[operator]


def _added(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor:
    out1, out2 = both(first, second, x)
    return out1 + out2


def _side_by_side(first: nn.Module, second: nn.Module, x: Tensor) -> Tensor:
    return torch.cat(both(first, second, x), 1)


_ADDS = "`out1` and `out2` were added, but a chain adds nothing: only the last module's output leaves it. What does the second one receive?"
_SEES_X = "The second convolution is made for 3 channels, as if it read x, but 16 leave the first. Which number in its brackets states that?"
_REVERSED = "The layer that needs 16 channels runs first and gets x, which has 3. Which one must come first?"
_RELU = "Your values have a ReLU in them; the exercise asks for the two convolutions alone. What happens without it?"
_PADDING = "Height and width shrank on the way, but should stay as they were. What must surround a map before a 3×3 convolution?"
_ONE_INPUT = "The layers were put in a list; `nn.Sequential` takes them one by one. Drop the square brackets."


_STRIDED = "Height and width were halved, but should stay as they were. Which argument makes a kernel skip positions?"

EXERCISE = Exercise(
    "module",
    SequentialModel,
    model_parts(1, 2, 1, 2),
    hints=(
        Hint(
            "The output of the first convolution is the input of the second. How many channels is that?",
            "adds parallel-branches every-layer-sees-x first-only concatenated",
        ),
        Hint(
            "`nn.Conv2d(channels in, channels out, kernel_size=3, padding=1)`: the first goes from 3 to 16.",
            "reversed-order channels-swapped no-padding too-much-padding other-kernel strided",
        ),
        Hint(
            "`nn.Sequential(first, second)` runs its modules one after the other; `forward` returns what it gives.",
            "list-in-sequential class-as-layer function-as-layer modulelist-called list-called returns-both no-return",
        ),
    ),
    variants=images(3),
    wrong=(
        Misconception("adds", pair(lambda: conv(3, 32), lambda: conv(32, 32), _added), _ADDS),
        Misconception("adds", pair(lambda: conv(3, 16), lambda: conv(16, 32), _added), _ADDS),
        Misconception("adds", pair(lambda: conv(3, 16), lambda: conv(16, 16), _added), _ADDS),
        Misconception(
            "parallel-branches",
            pair(lambda: conv(3, 32), lambda: conv(3, 32), lambda first, second, x: first(x) + second(x)),
            "Both convolutions read x and their outputs were added. In a chain the second reads the first: what enters it?",
        ),
        Misconception("every-layer-sees-x", chain(lambda: conv(3, 16), lambda: conv(3, 32)), _SEES_X),
        Misconception(
            "every-layer-sees-x",
            pair(lambda: conv(3, 16), lambda: conv(3, 32), lambda first, second, x: second(x)),
            "Your output is a single convolution of x, 3→32. It should read the 16 channels that another makes of x: what are they called?",
        ),
        Misconception(
            "every-layer-sees-x",
            pair(
                lambda: conv(3, 16), lambda: conv(16, 32), lambda first, second, x: (first(x), second(x))[1]
            ),
            "The second convolution reads x, 3 channels, but is made for the 16 that leave the first. What should enter it?",
        ),
        Misconception("reversed-order", chain(lambda: conv(16, 32), lambda: conv(3, 16)), _REVERSED),
        Misconception(
            "channels-swapped",
            chain(lambda: conv(3, 32), lambda: conv(32, 16)),
            "16 channels came out, 32 were expected: the path is 3→32→16. Which layer should make 16?",
        ),
        Misconception(
            "first-only",
            pair(lambda: conv(3, 16), lambda: conv(16, 32), lambda first, second, x: first(x)),
            "Your output is exactly `out1`, 16 channels; the second convolution has no part in it. What should read `out1`?",
        ),
        Misconception(
            "concatenated",
            pair(lambda: conv(3, 16), lambda: conv(16, 16), _side_by_side),
            "Two times 16 channels were placed side by side. The 32 should be made by the second convolution alone: 16→?",
        ),
        Misconception(
            "concatenated",
            pair(lambda: conv(3, 16), lambda: conv(16, 32), _side_by_side),
            "48 channels came out, 32 were expected. In a chain only the last module's output leaves: which one is that?",
        ),
        Misconception(
            "returns-both",
            pair(lambda: conv(3, 16), lambda: conv(16, 32), both),
            "A tuple of two tensors came out, where one was expected. Which of the two leaves a chain?",
        ),
        Misconception("list-in-sequential", ListInSequential, _ONE_INPUT),
        Misconception(
            "class-as-layer",
            ClassAsLayer,
            "`nn.Sequential` received a class, where it needs a module. Make one: write the brackets behind its name.",
        ),
        Misconception(
            "function-as-layer",
            FunctionAsLayer,
            "`nn.Sequential` received a function, where it needs modules. Call functions in `forward`, or use the module.",
        ),
        Misconception(
            "modulelist-called",
            ModuleListCalled,
            "`nn.ModuleList` keeps modules but cannot be called. Loop over it in `forward`, or use `nn.Sequential`.",
        ),
        Misconception(
            "modulelist-called",
            ModuleDictCalled,
            "`nn.ModuleDict` keeps modules but cannot be called. Take each by its name in `forward`, or use `nn.Sequential`.",
        ),
        Misconception(
            "list-called",
            ListCalled,
            "A Python list cannot be called. Which container registers its layers and runs them one after the other?",
        ),
        Misconception(
            "no-padding", chain(lambda: conv(3, 16, padding=0), lambda: conv(16, 32, padding=0)), _PADDING
        ),
        Misconception("no-padding", chain(lambda: conv(3, 16), lambda: conv(16, 32, padding=0)), _PADDING),
        Misconception("no-padding", chain(lambda: conv(3, 16, padding=0), lambda: conv(16, 32)), _PADDING),
        Misconception(
            "too-much-padding",
            chain(lambda: conv(3, 16, padding=2), lambda: conv(16, 32, padding=2)),
            "Height and width grew on the way, but should stay as they were. How wide a border does a 3×3 kernel need?",
        ),
        Misconception("strided", chain(lambda: conv(3, 16, stride=2), lambda: conv(16, 32)), _STRIDED),
        Misconception("strided", chain(lambda: conv(3, 16), lambda: conv(16, 32, stride=2)), _STRIDED),
        Misconception(
            "other-kernel",
            chain(lambda: conv(3, 16, 5, 2), lambda: conv(16, 32, 5, 2)),
            "The shape is right, but the kernels are 5×5, where 3×3 was asked. Which argument sets that?",
        ),
        Misconception(
            "other-kernel",
            chain(lambda: conv(3, 16, 1, 0), lambda: conv(16, 32, 1, 0)),
            "The shape is right, but the kernels are 1×1, where 3×3 was asked. Which argument sets that?",
        ),
        Misconception("relu-implied", chain(lambda: conv(3, 16), nn.ReLU, lambda: conv(16, 32)), _RELU),
        Misconception("relu-implied", chain(lambda: conv(3, 16), lambda: conv(16, 32), nn.ReLU), _RELU),
        Misconception(
            "relu-implied", chain(lambda: conv(3, 16), nn.ReLU, lambda: conv(16, 32), nn.ReLU), _RELU
        ),
        Misconception(
            "batch-norm-added",
            chain(lambda: conv(3, 16), lambda: nn.BatchNorm2d(16), lambda: conv(16, 32)),
            "Your values were normalised on the way; the exercise asks for the two convolutions alone. What happens without it?",
        ),
        Misconception(
            "extra-layer",
            chain(lambda: conv(3, 16), lambda: conv(16, 16), lambda: conv(16, 32)),
            "Three convolutions have a part in your output, where 3→16→32 needs two. Which one is not in that chain?",
        ),
        Misconception(
            "detached",
            pair(
                lambda: conv(3, 16), lambda: conv(16, 32), lambda first, second, x: second(first(x).detach())
            ),
            "The values are right, but no gradient reaches the first convolution. What stops it between the two?",
        ),
        *slips(SequentialModel),
        Misconception(
            "two-inputs",
            pair(
                lambda: nn.Sequential(conv(3, 16), conv(16, 32)),
                nn.Identity,
                lambda layers, _, x: layers(x, x),
            ),
            "A chain takes one tensor, but two were given. After the first module, where does the second one's input come from?",
        ),
    ),
)
