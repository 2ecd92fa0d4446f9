"""`fit_alpha`: gradient descent on one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercises.vocabulary import Exercise, Misconception
from sumskip.checking.core import Hint, Part


def fit_alpha(model: nn.Module, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    """Move `model.alpha`, and nothing else, down the mean squared error by plain gradient descent.

    Args:
        model: has a scalar parameter `alpha`.
        x: (N, C, H, W), what the model reads.
        target: (N, C, H, W), what it should make.
        steps: how many updates to make.
        lr: how far each goes along the gradient.

    Returns:
        `alpha` after each of the `steps` updates.
    """
    alpha = model.get_parameter("alpha")
    optimizer = torch.optim.SGD([alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(alpha.item())
    return history


Loss = Callable[[Tensor, Tensor], Tensor]
Descent = Callable[..., Any]


def descent(
    moved: Callable[[Any], Iterable[nn.Parameter]] = lambda model: [model.alpha],
    make: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    loss: Loss = F.mse_loss,
    record: Callable[[Any, Tensor], Any] = lambda model, loss: model.alpha.item(),
    zero: bool = True,
    backward: bool = True,
    step: bool = True,
    before: bool = False,
    more: int = 0,
    finish: Callable[[list[Any]], Any] = lambda history: history,
) -> Descent:
    """A training loop with one thing changed."""

    def fit_alpha(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> Any:
        optimizer = make(moved(model), lr=lr)
        history = []
        for _ in range(steps + more):
            if zero:
                optimizer.zero_grad()
            value = loss(model(x), target)
            if backward:
                value.backward()
            if before:
                history.append(record(model, value))
            if step:
                optimizer.step()
            if not before:
                history.append(record(model, value))
        return finish(history)

    return fit_alpha


def start_included(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    return [model.alpha.item(), *descent()(model, x, target, steps, lr)]


def uphill(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    history = []
    for _ in range(steps):
        model.alpha.grad = None
        F.mse_loss(model(x), target).backward()
        with torch.no_grad():
            model.alpha += lr * model.alpha.grad
        history.append(model.alpha.item())
    return history


def no_grad_block_missing(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    history = []
    for _ in range(steps):
        F.mse_loss(model(x), target).backward()
        model.alpha -= lr * model.alpha.grad
        history.append(model.alpha.item())
    return history


def alpha_replaced(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    history = []
    for _ in range(steps):
        F.mse_loss(model(x), target).backward()
        model.alpha = model.alpha - lr * model.alpha.grad
        history.append(model.alpha.item())
    return history


def alpha_reset(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    with torch.no_grad():
        model.alpha.fill_(0.5)
    return descent()(model, x, target, steps, lr)


def _sum_loss(output: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(output, target, reduction="sum")


def _half_loss(output: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(output, target) / 2


def _root_loss(output: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(output, target).sqrt()


def _momentum(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)


def _decay(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr, weight_decay=0.01)


def _own_rate(rate: float) -> Callable[..., torch.optim.Optimizer]:
    return lambda parameters, lr: torch.optim.SGD(parameters, lr=rate)


def fixed_steps(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> list[float]:
    return descent()(model, x, target, 100, lr)


def no_return(model: Any, x: Tensor, target: Tensor, steps: int, lr: float) -> None:
    descent()(model, x, target, steps, lr)


_EVERYTHING = "The convolution's weights moved too; only alpha should. What did the optimiser receive?"
_ACCUMULATED = "The first step is right, later ones too long: gradients of earlier steps are still in `alpha.grad`. When is it emptied?"
_NEVER = "alpha stays where it started. Which call computes its gradient, and which one moves it?"
_NOT_FLOATS = (
    "The list holds tensors, where plain numbers were expected. Which method of alpha gives a float?"
)
_RATE = "Every step has another length than lr times the gradient. Where does `lr` go?"
_OPTIMISER = "The steps are not lr times the gradient, so another rule moves alpha. Which optimiser follows the gradient plainly?"
_SCALED = "Every step is too long by the same factor: the squared errors were added. The mean was asked."


def asked(
    size: tuple[int, int, int],
    alpha: float,
    steps: int,
    lr: float,
    scale: float = 1.0,
    target: float = 1.0,
    biases: bool = True,
) -> dict[str, Any]:
    """A case with inputs of `size` (N, H, W): x as loud as `scale`, the target `target` times that."""
    n, h, w = size
    return {
        "inputs": ((n, 1, h, w), (n, 1, h, w)),
        "scales": (scale, scale * target),
        "alpha": alpha,
        "biases": biases,
        "settings": {"steps": steps, "lr": lr},
    }


_UPHILL = "alpha moves away from the target: the step follows the gradient uphill. Which sign leads down?"

EXERCISE = Exercise(
    "fit",
    fit_alpha,
    (
        Part("shape", 1, "returns a list of `steps` numbers"),
        Part("values", 5, "moves alpha as plain gradient descent does"),
        Part("log", 2, "the list has what alpha was after each step"),
        Part("untouched", 2, "moves nothing but alpha"),
    ),
    hints=(
        Hint(
            "One step: forward pass, mean squared error, backward pass, then move alpha. Repeat.",
            "value-before-step one-step-more one-step-less fixed-steps never-moves uphill summed-loss other-loss halved-loss loss-of-means loss-not-squared",
        ),
        Hint(
            "`torch.optim.SGD([model.alpha], lr=lr)` moves alpha alone; gradients must be set to zero before each step.",
            "trains-everything trains-the-rest gradients-accumulated no-grad-missing rate-ignored other-optimiser weight-decay alpha-replaced",
        ),
        Hint(
            "After each step, append `model.alpha.item()`: a number, not the parameter itself.",
            "start-included returns-tensors returns-losses returns-gradients only-last no-return",
        ),
    ),
    variants=(
        asked((2, 5, 7), alpha=0.5, steps=6, lr=0.1),
        asked((3, 4, 6), alpha=-0.8, steps=1, lr=0.3),
        # Quiet: the loss is flat, and no step comes near its end, so that the least weight decay or momentum shows.
        asked((1, 9, 8), alpha=1.5, steps=50, lr=10.0, scale=0.05, biases=False),
        # Loud: a gradient of some millions, and each step goes further beyond the target than the one before. So
        # a gradient that is clipped, and a loop that ends where the loss gets worse, show.
        asked((2, 6, 5), alpha=1.5, steps=3, lr=6e-6, scale=1000.0),
        # The loss is 0 from the start: a loop that ends there, or at a small loss, gradient or step, shows.
        asked((3, 5, 4), alpha=0.0, steps=40, lr=0.1, target=0.0),
    ),
    wrong=(
        Misconception("trains-everything", descent(lambda model: model.parameters()), _EVERYTHING),
        Misconception(
            "trains-the-rest",
            descent(lambda model: [each for name, each in model.named_parameters() if name != "alpha"]),
            "alpha stayed and all other weights moved; the opposite was asked. What should the optimiser receive?",
        ),
        Misconception("gradients-accumulated", descent(zero=False), _ACCUMULATED),
        Misconception(
            "value-before-step",
            descent(before=True),
            "The first entry is alpha's starting value; the value after each step was asked. When is it read?",
        ),
        Misconception(
            "start-included",
            start_included,
            "The list has one entry too many: it begins with alpha before any step. What is the first value asked?",
        ),
        Misconception(
            "returns-tensors", descent(record=lambda model, loss: model.alpha.detach().clone()), _NOT_FLOATS
        ),
        Misconception("returns-tensors", descent(record=lambda model, loss: model.alpha), _NOT_FLOATS),
        Misconception(
            "returns-losses",
            descent(record=lambda model, loss: loss.item()),
            "The list holds the loss of each step; alpha after each step was asked. What should be appended?",
        ),
        Misconception(
            "returns-gradients",
            descent(record=lambda model, loss: model.alpha.grad.item()),
            "The list holds alpha's gradient in each step; alpha itself was asked. What should be appended?",
        ),
        Misconception(
            "only-last",
            descent(finish=lambda history: history[-1]),
            "One number came out, where a list with alpha after every step was expected. Where should each be kept?",
        ),
        Misconception(
            "only-last",
            descent(finish=lambda history: history[-1:]),
            "The list has one entry, where alpha after every step was expected. Where should each be kept?",
        ),
        Misconception(
            "one-step-more",
            descent(more=1),
            "One step too many was made. How often should the loop run?",
        ),
        Misconception(
            "one-step-less", descent(more=-1), "One step too few was made. How often should the loop run?"
        ),
        Misconception(
            "fixed-steps",
            fixed_steps,
            "100 steps were made, whatever `steps` says. How often should the loop run?",
        ),
        Misconception("uphill", uphill, _UPHILL),
        Misconception("uphill", descent(loss=lambda output, target: -F.mse_loss(output, target)), _UPHILL),
        Misconception(
            "no-grad-missing",
            no_grad_block_missing,
            "A parameter cannot be changed in place while gradients are recorded. Wrap the update in `torch.no_grad()`.",
        ),
        Misconception(
            "alpha-replaced",
            alpha_replaced,
            "A new tensor was assigned to `model.alpha`, which must stay a parameter. Change its value, not the object.",
        ),
        Misconception(
            "alpha-reset",
            alpha_reset,
            "alpha was set to 0.5 first; it should start from the value the model came with. Is that line needed?",
        ),
        Misconception("never-moves", descent(step=False), _NEVER),
        Misconception("never-moves", descent(backward=False), _NEVER),
        Misconception("rate-ignored", descent(make=_own_rate(0.1)), _RATE),
        Misconception("rate-ignored", descent(make=_own_rate(0.01)), _RATE),
        Misconception("rate-ignored", descent(make=_own_rate(1.0)), _RATE),
        Misconception("other-optimiser", descent(make=torch.optim.Adam), _OPTIMISER),
        Misconception("other-optimiser", descent(make=torch.optim.AdamW), _OPTIMISER),
        Misconception("other-optimiser", descent(make=_momentum), _OPTIMISER),
        Misconception(
            "weight-decay",
            descent(make=_decay),
            "Each step also pulls alpha towards 0, as weight decay does. Which argument of the optimiser asks for that?",
        ),
        Misconception("summed-loss", descent(loss=_sum_loss), _SCALED),
        Misconception(
            "other-loss",
            descent(loss=F.l1_loss),
            "The steps follow the mean absolute error; the mean squared error was asked. Which loss squares?",
        ),
        Misconception(
            "other-loss",
            descent(loss=F.smooth_l1_loss),
            "The steps follow a smoothed absolute error; the mean squared error was asked. Which loss squares?",
        ),
        Misconception(
            "other-loss",
            descent(loss=_root_loss),
            "The steps follow the root of the mean squared error. What happens without the root?",
        ),
        Misconception(
            "halved-loss",
            descent(loss=_half_loss),
            "Every step is half as long as expected. Is the loss divided by 2?",
        ),
        Misconception(
            "loss-of-means",
            descent(loss=lambda output, target: (output - target).mean() ** 2),
            "The errors were averaged before squaring, so they cancel. Which comes first, the square or the mean?",
        ),
        Misconception(
            "loss-not-squared",
            descent(loss=lambda output, target: (output - target).mean()),
            "The steps follow the mean error, not the mean squared one. Where does the square belong?",
        ),
        Misconception(
            "no-return",
            no_return,
            "The function returned None. Which list should leave it, and with which keyword?",
        ),
    ),
)
