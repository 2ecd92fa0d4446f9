# %% intro [markdown]
# # 2. Explicit addition: two paths meet
#
# **What you'll do.** You add tensors with a `+` of your own, find out which shapes fit, mend a broken model, and bring 16 and 32 channels together.
#
# **What you'll learn**
#
# - Only a written `+` adds. Stacking modules does not.
# - Which shapes can be added, and when PyTorch stretches one of them without a word.
# - Where a skip connection starts, and why `x + out2` fails.
# - How a 1×1 convolution makes the channels fit.
#
# **What you'll need.** Lesson 1: `nn.Sequential`, shapes (N, C, H, W), convolutions.
#
# **Minutes:** about 25. **Points:** 24.
#
# **Binder forgets.** If you work on Binder, download your notebook before you leave: menu *File*, then *Download*.

# %% imports nbgrader={"grade": false, "grade_id": "imports_explicit_addition", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch
from torch import nn

from sumskip import check, compare, photograph, show_feature_maps, trace

torch.set_num_threads(1)  # the fastest way for models as small as these
_ = torch.manual_seed(0)  # the same random numbers every time you start again
photo = photograph()

# %% adding [markdown]
# ## Which shapes can be added?
#
# `a + b` adds number by number. PyTorch writes the two shapes below each other, aligned on the right, and compares the sizes in each column:
#
# - equal sizes fit;
# - a size of 1 fits any size: it is **stretched**, its numbers are used again for each place;
# - a size that is missing on the left counts as 1;
# - anything else is an error.
#
# This rule is called **broadcasting**. In each column, the sum has the larger size. Two examples:
#
# | | fits | does not fit |
# |---|---|---|
# | first shape | (2, 5, 4) | (2, 5, 4) |
# | second shape | (1, 4) | (3, 4) |
# | sum | (2, 5, 4) | error: 5 and 3 |

# %% predict-addition [markdown]
# ## Exercise 1: predict the sums
#
# *4 points, easy, 4 minutes*
#
# Run the next cell. It prints six pairs of shapes and adds nothing. Then predict **before you run any other cell**: which shape has the sum? Write a tuple of integers, or `"error"` where the two cannot be added.

# %% pairs nbgrader={"grade": false, "grade_id": "pairs_to_add", "locked": true, "schema_version": 3, "solution": false, "task": false}
PAIRS = {
    "a": [(1, 16, 32, 32), (1, 16, 32, 32)],
    "b": [(1, 16, 32, 32), (1, 32, 32, 32)],
    "c": [(1, 1, 32, 32), (1, 16, 32, 32)],
    "d": [(16, 1, 1), (1, 16, 32, 32)],
    "e": [(1, 16, 32, 32), (1, 16, 30, 30)],
    "f": [(1, 3, 32, 32), (1, 16, 32, 32)],
}
for name, (left, right) in PAIRS.items():
    print(f"{name}:  {left!s:>15} + {right!s:>15}")

# %% predict-addition-solution nbgrader={"grade": false, "grade_id": "predict_addition", "locked": false, "schema_version": 3, "solution": true, "task": false}
predictions_addition = {
    "a": None,  # a tuple of integers, such as (1, 2, 3, 3), or "error"
    "b": None,
    "c": None,
    "d": None,
    "e": None,
    "f": None,
}

# Leave the lines below as they are:
# they stop this cell while an answer is still None.
if None in predictions_addition.values():
    ### BEGIN SOLUTION
    predictions_addition = {
        "a": (1, 16, 32, 32),
        "b": "error",
        "c": (1, 16, 32, 32),
        "d": (1, 16, 32, 32),
        "e": "error",
        "f": "error",
    }
    ### END SOLUTION

# %% predict-addition-check nbgrader={"grade": true, "grade_id": "predict_addition_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("predict_addition", predictions_addition)

# %% run-addition [markdown]
# ### Run it: other shapes
#
# As in lesson 1, this check looks only at the form. Find out with other shapes, and compare them with the rule. Then correct your predictions if you want to.

# %% add-other-shapes
other_pairs = [
    [(2, 8, 20, 20), (2, 8, 20, 20)],
    [(2, 8, 20, 20), (2, 4, 20, 20)],
    [(2, 1, 20, 20), (2, 8, 20, 20)],
    [(8, 1, 1), (2, 8, 20, 20)],
    [(2, 8, 20, 20), (2, 8, 18, 18)],
]
for left, right in other_pairs:
    try:
        answer = tuple((torch.zeros(left) + torch.zeros(right)).shape)
    except RuntimeError as error:
        answer = f"error: {error}"
    print(f"{left!s:>14} + {right!s:>14}  {answer}")

# %% run-addition-compare [markdown]
# The third pair gives no error: the one channel is stretched and added to all eight. If you meant eight *different* channels, this is a mistake that nobody reports. Keep it in mind for exercise 4.

# %% shape-aligner-guess [markdown]
# ### The shape aligner
#
# Here you can edit two shapes and see each column: equal, stretched, or a clash. It is locked until you have committed a guess: what is the shape of the sum of (4, 1, 32, 32) and (16, 1, 32)? Write it in the place of `None`, or `"error"`, and run the cell.

# %% shape-aligner tags=["demo"]
from sumskip import shape_aligner

shape_aligner(guess=None)


# %% skip [markdown]
# ## A skip connection
#
# In lesson 1, the chain `b(a(x))` added nothing. Now look at these three lines:
#
# ```python
# out1 = a(x)
# out2 = b(out1)
# y = out1 + out2
# ```
#
# `out1` goes two ways: through `b`, and around it. The way around is called a **skip connection**. The two ways meet again at the `+`.
#
# Predict: `a` multiplies by 3, `b` subtracts 1, and `x` is 4. What is `y`? Decide, then run.

# %% skip-with-numbers tags=["demo"]
class Triple(nn.Module):
    def forward(self, x):
        return 3 * x


class SubtractOne(nn.Module):
    def forward(self, x):
        return x - 1


class SkipAround(nn.Module):
    def __init__(self):
        super().__init__()
        self.triple = Triple()
        self.subtract_one = SubtractOne()

    def forward(self, x):
        out1 = self.triple(x)
        out2 = self.subtract_one(out1)
        return out1 + out2


x = torch.tensor(4.0)
print("the chain:", nn.Sequential(Triple(), SubtractOne())(x).item())
print("the skip: ", SkipAround()(x).item())
trace(SkipAround(), x)


# %% skip-with-numbers-compare [markdown]
# 12 goes two ways: 11 comes out of `subtract_one`, 12 comes around it, and 12 + 11 = 23. In the picture, two arrows leave `triple` and two arrows enter the `+`.
#
# Now with convolutions. This model should return `out1 + out2`. What goes wrong?

# %% broken-model nbgrader={"grade": false, "grade_id": "broken_model", "locked": true, "schema_version": 3, "solution": false, "task": false}
class BrokenModel(nn.Module):
    """Should return out1 + out2. It has two faults.

    (N, 3, H, W) should become (N, 16, H, W).
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = x.detach()
        return skip + out2


# %% trace-broken-model tags=["demo"]
trace(BrokenModel(), photo)

# %% gradient [markdown]
# The first fault crashes: the skip starts too early, and 3 channels do not fit 16.
#
# The second fault is silent. To see it, you need a new word. Training changes the weights of a model a little, step after step. For that, PyTorch goes backward through the model, from the output to the weights: this is the **backward pass**, `y.backward()`. It gives each weight a **gradient**: how fast the output grows when this weight grows.
#
# `detach()` keeps the numbers, but cuts the way back.
#
# Predict both gradients of `w`: for `y = w + 3 * w`, and for the same with `w.detach()` in the first place.

# %% gradient-with-numbers
w = torch.tensor(2.0, requires_grad=True)
y = w + 3 * w
y.backward()
print("without detach:", y.item(), "  gradient of w:", w.grad.item())

w = torch.tensor(2.0, requires_grad=True)
y = w.detach() + 3 * w
y.backward()
print("with detach:   ", y.item(), "  gradient of w:", w.grad.item())


# %% gradient-compare [markdown]
# Both lines give 8, but only the first has the right gradient: 4, one from the skip and three from the other path. With `detach()`, the skip adds nothing to the gradient, so a model does not learn through it.

# %% repair-addition [markdown]
# ## Exercise 2: mend the model
#
# *6 points, easy, 5 minutes*
#
# Write `RepairedModel`: the same two convolutions, with a `forward` that returns `out1 + out2`. The gradient must flow through both paths.
#
# `__init__` is given. Copy the lines of `forward` from `BrokenModel` and mend **both** faults.

# %% repair-addition-solution nbgrader={"grade": false, "grade_id": "repair_addition", "locked": false, "schema_version": 3, "solution": true, "task": false}
class RepairedModel(nn.Module):
    """Returns out1 + out2.

    (N, 3, H, W) becomes (N, 16, H, W).
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x):
        ### BEGIN SOLUTION
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = out1
        return skip + out2
        ### END SOLUTION


# %% trace-repaired-model tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(RepairedModel(), photo))
except Exception as error:
    print(f"Finish exercise 2 first: {error!r}")

# %% repair-addition-check nbgrader={"grade": true, "grade_id": "repair_addition_check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("repair_addition", RepairedModel)


# %% addition-model [markdown]
# ## Exercise 3: write an addition
#
# *8 points, medium, 6 minutes*
#
# Now a whole model of your own, `AdditionModel`:
#
# - The first convolution reads `x`, 3→16 channels; its output is `out1`.
# - The second convolution reads `out1`, 16→16 channels; its output is `out2`.
# - Both have `kernel_size=3` and `padding=1`.
# - The model returns `out1 + out2` and nothing else.
# - In: shape (N, 3, H, W). Out: shape (N, 16, H, W).
#
# You may choose all names. Before you run it: what would be different if the second convolution read `x`?

# %% addition-model-solution nbgrader={"grade": false, "grade_id": "addition_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
class AdditionModel(nn.Module):
    """Two convolutions, and the sum of their outputs.

    (N, 3, H, W) becomes (N, 16, H, W).
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.second = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out1 = self.first(x)
        out2 = self.second(out1)
        return out1 + out2
        ### END SOLUTION


# %% trace-addition-model tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(AdditionModel(), photo))
except Exception as error:
    print(f"Finish exercise 3 first: {error!r}")

# %% addition-model-check nbgrader={"grade": true, "grade_id": "addition_model_check", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("addition_model", AdditionModel)

# %% addition-compare [markdown]
# ### Compare: chain and addition
#
# The same two convolutions, once in a chain and once with your `+`. Which part exists only on one side?

# %% compare-chain-and-addition tags=["demo"]
chain = nn.Sequential(
    nn.Conv2d(3, 16, kernel_size=3, padding=1),
    nn.Conv2d(16, 16, kernel_size=3, padding=1),
)
try:
    display(compare(chain, AdditionModel(), photo))
except Exception as error:
    print(f"Finish exercise 3 first: {error!r}")

# %% addition-maps [markdown]
# And what does the `+` do to the images? Here are the two tensors that meet at a `+`, and their sum, with one colour scale for all three. Each has one channel, so that you can see it whole.

# %% maps-at-the-plus tags=["demo"]
torch.manual_seed(1)
# The mean of red, green and blue: (1, 1, 32, 32).
grey = photo.mean(dim=1, keepdim=True)
out1 = nn.Conv2d(1, 1, kernel_size=3, padding=1)(grey)
out2 = nn.Conv2d(1, 1, kernel_size=3, padding=1)(out1)
titles = ("out1", "out2", "out1 + out2")
show_feature_maps(out1, out2, out1 + out2, titles=titles)

# %% pixel-guess [markdown]
# ### One pixel at the plus
#
# A `+` works on each pixel by itself. Run the cell: it names two numbers that meet at one pixel, and asks for their sum. Write your guess in the place of `None`, and run it again. Then move to other pixels with the arrow keys, and try the other operators: which of them changes the shape?

# %% pixel-at-the-plus tags=["demo"]
from sumskip import pixel_at_the_plus

pixel_at_the_plus(guess=None)

# %% projection [markdown]
# ## When the channels differ
#
# `out1` has 16 channels and `out2` has 32. They cannot be added. A **1×1 convolution** helps: `nn.Conv2d(16, 32, kernel_size=1)`. It looks at one pixel at a time and mixes its 16 numbers into 32 new ones; height and width stay. Used to make a skip connection fit, it is called a **projection**.
#
# With numbers: one pixel with the two channels 10 and 20, and a projection 2→3. Predict the third number, then run.

# %% projection-with-numbers
# One pixel with two channels, as (N, C, H, W).
pixel = torch.tensor([10.0, 20.0]).reshape(1, 2, 1, 1)
project = nn.Conv2d(2, 3, kernel_size=1, bias=False)
# One row of weights for each new channel.
weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
with torch.no_grad():
    project.weight.copy_(weights.reshape(3, 2, 1, 1))

print(tuple(pixel.shape), "becomes", tuple(project(pixel).shape))
print(project(pixel).flatten().tolist())


# %% projected-addition-model [markdown]
# ## Exercise 4: addition with a projection
#
# *6 points, medium, 5 minutes*
#
# Write `ProjectedAdditionModel`:
#
# - The first convolution reads `x`, 3→16 channels, `kernel_size=3`, `padding=1`; its output is `out1`.
# - The second convolution reads `out1`, 16→32 channels, `kernel_size=3`, `padding=1`; its output is `out2`.
# - The projection reads `out1`, 16→32 channels, `kernel_size=1`.
# - The model returns `out2` plus the projected `out1`.
# - In: shape (N, 3, H, W). Out: shape (N, 32, H, W).
#
# A projection 16→1 would run as well. Why is it wrong here?

# %% projected-addition-model-solution nbgrader={"grade": false, "grade_id": "projected_addition_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ProjectedAdditionModel(nn.Module):
    """The sum of out2 and a projection of out1.

    (N, 3, H, W) becomes (N, 32, H, W).
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.project = nn.Conv2d(16, 32, kernel_size=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + self.project(out1)
        ### END SOLUTION


# %% trace-projected-addition-model tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(ProjectedAdditionModel(), photo))
except Exception as error:
    print(f"Finish exercise 4 first: {error!r}")

# %% projected-addition-model-check nbgrader={"grade": true, "grade_id": "projected_addition_model_check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("projected_addition_model", ProjectedAdditionModel)

# %% reflect [markdown]
# ## Reflect
#
# Double-click this cell and complete the sentences. They are not graded.
#
# - Stacking two modules does not add them, because …
# - `x + out2` fails in these models, because …
# - Adding one channel to eight gives no error, but …

# %% summary [markdown]
# ## Summary
#
# - A sum is there only where you write a `+`.
# - Two sizes fit when they are equal or one of them is 1. The size 1 is stretched without a word.
# - A skip connection takes a tensor around a module to a `+`. Both tensors at the `+` must fit.
# - `detach()` keeps the values and stops the gradient.
# - A 1×1 convolution changes the number of channels and nothing else about the shape.
#
# **Save your notebook now. On Binder, download it too.**
#
# **What comes next.** In the sum, both paths count the same. In lesson 3, the model learns how much each of them counts.
