# %% intro [markdown]
# # 1. Sequential flow: one module after the other
#
# **What you'll do.** You predict what a chain of modules returns, first with numbers, then with images. You run such chains, look at pictures of them, and write one yourself.
#
# **What you'll learn**
#
# - In `nn.Sequential`, the output of one module is the input of the next. Nothing is added.
# - How to read the shape of a batch of images: (N, C, H, W).
# - How to keep the output of every module in a chain.
#
# **What you'll need.** Python: functions, classes and loops. Everything else is explained when it comes.
#
# **Minutes:** about 20. **Points:** 20.

# %% how-it-works [markdown]
# ## How the lessons work
#
# Every part has the same steps: predict, run, compare, write, check, reflect.
#
# - Run a cell with Shift + Enter. Go from top to bottom.
# - A cell with `YOUR CODE HERE` is an exercise. Replace that line and the line `raise NotImplementedError()` by your code.
# - In a cell with predictions, put your answers in the place of `None`.
# - Then run the cells below it: a picture of what you wrote, and a check. You may try as often as you like.
# - Save with Ctrl + S.
#
# **Binder forgets.** If you work on Binder, your files are deleted when the session ends, also after some ten minutes without activity. Download your notebook before you leave: menu *File*, then *Download*.

# %% imports nbgrader={"grade": false, "grade_id": "imports_sequential_flow", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch
from torch import nn

from sumskip import check, photograph, show_feature_maps, trace

torch.set_num_threads(1)  # the fastest way for models as small as these
_ = torch.manual_seed(0)  # the same random numbers every time you start again


# %% modules [markdown]
# ## Two small modules
#
# A **module** is a box: a tensor goes in, a tensor comes out. A tensor is an array of numbers; here it holds just one.
#
# You call a module like a function, for example `double(x)`. Python then runs the module's method `forward`. This is the **forward pass**.

# %% double-and-add-three nbgrader={"grade": false, "grade_id": "double_and_add_three", "locked": true, "schema_version": 3, "solution": false, "task": false}
class Double(nn.Module):
    """Returns two times its input."""

    def forward(self, x):
        return 2 * x


class AddThree(nn.Module):
    """Returns its input plus three."""

    def forward(self, x):
        return x + 3


# %% modules-sequential [markdown]
# `nn.Sequential(Double(), AddThree())` makes one larger module of these two. What does it do with the number 5? That is the first question of this course, and you answer it before you run it.
#
# For the other questions you need to read a shape.

# %% shapes [markdown]
# ## The shape of images: (N, C, H, W)
#
# PyTorch keeps a batch of images in one tensor with four dimensions. Its **shape** is (N, C, H, W):
#
# | letter | meaning | in (1, 3, 32, 32) |
# |---|---|---|
# | N | how many images | 1 |
# | C | how many channels; a colour photograph has 3: red, green, blue | 3 |
# | H | height in pixels | 32 |
# | W | width in pixels | 32 |
#
# `nn.Conv2d(3, 16, kernel_size=3, padding=1)` is a **convolution**. It reads images with 3 channels and writes 16 channels. Each channel it writes is called a **feature map**. For one new number it looks at a square of 3×3 pixels in every channel. `padding=1` puts a border of zeros around the image, so height and width stay as they are.

# %% predict-flow [markdown]
# ## Exercise 1: predict the flow
#
# *6 points, easy, 4 minutes*
#
# Answer with pencil and paper, **before you run anything below**. Put your answers in the place of `None`.
#
# 1. `"double_then_add"`: 5 goes into `nn.Sequential(Double(), AddThree())`. Which number comes out?
# 2. `"add_then_double"`: 5 goes into `nn.Sequential(AddThree(), Double())`. Which number comes out?
# 3. `"shape_3_16_32"`: a photograph of shape (1, 3, 32, 32) goes into these two convolutions. Which shape comes out?
#
#    ```python
#    nn.Sequential(
#        nn.Conv2d(3, 16, kernel_size=3, padding=1),
#        nn.Conv2d(16, 32, kernel_size=3, padding=1),
#    )
#    ```
#
# 4. `"which_leaves"`: `x` has 16 channels and goes into `nn.Sequential(first, second)`. Both `first` and `second` are convolutions 16→16, so all shapes are equal and cannot tell you. Which tensor comes out: `"x"` itself, the output of `"first"`, the output of `"second"`, or the `"sum"` of both outputs?

# %% predict-flow-solution nbgrader={"grade": false, "grade_id": "predict_flow", "locked": false, "schema_version": 3, "solution": true, "task": false}
predictions_flow = {
    "double_then_add": None,  # a number
    "add_then_double": None,  # a number
    "shape_3_16_32": None,  # four integers: (N, C, H, W)
    "which_leaves": None,  # "x", "first", "second" or "sum"
}

# Leave the lines below as they are:
# they stop this cell while an answer is still None.
if None in predictions_flow.values():
    ### BEGIN SOLUTION
    predictions_flow = {
        "double_then_add": 13,
        "add_then_double": 16,
        "shape_3_16_32": (1, 32, 32, 32),
        "which_leaves": "second",
    }
    ### END SOLUTION

# %% predict-flow-check nbgrader={"grade": true, "grade_id": "predict_flow_check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("predict_flow", predictions_flow)


# %% predict-flow-after [markdown]
# This check looks only at the form of your answers. Right or wrong is said when your work is graded. You can find it out yourself now: the next part runs other modules with other numbers. You may come back and change your answers until you hand in.

# %% run-numbers [markdown]
# ## Run it: numbers
#
# Two other modules, and the number 4. Run the cell and compare: which line gives the same number as the chain?

# %% chain-of-numbers
class Triple(nn.Module):
    def forward(self, x):
        return 3 * x


class SubtractOne(nn.Module):
    def forward(self, x):
        return x - 1


triple, subtract_one = Triple(), SubtractOne()
chain = nn.Sequential(triple, subtract_one)
x = torch.tensor(4.0)

print("the chain:                   ", chain(x).item())
print("only triple:                 ", triple(x).item())
print("only subtract_one:           ", subtract_one(x).item())
print("both outputs added:          ", (triple(x) + subtract_one(x)).item())
print("one after the other:         ", subtract_one(triple(x)).item())
print("one after the other, swapped:", triple(subtract_one(x)).item())

# %% run-numbers-compare [markdown]
# The chain gives 11, the same as `subtract_one(triple(x))`: 4 becomes 12, and 12 becomes 11.
#
# It is not 12 + 3 = 15. The second module never sees the 4; it sees the 12. The order matters too: swapped, 4 becomes 3, and 3 becomes 9.
#
# `trace` runs a model and draws what happened. The modules of a chain are named by their place: 0, then 1. Each arrow says the shape of what it carries; a single number is called a scalar. Follow the arrows: what goes into module 1, and from where?

# %% trace-numbers tags=["demo"]
trace(chain, x)

# %% wiring-board-guess [markdown]
# ### The wiring board
#
# Two boxes, "double" and "add three", can be wired in three ways: as a chain, as a parallel sum (both read the same number), or as a skip sum (the subject of lesson 2).
#
# The board is locked until you have committed a guess. Run the cell: it asks you a question. Write your answer in the place of `None`, and run it again. Then *Next* fills one wire at a time, and your guess stays beside the truth.

# %% wiring-board tags=["demo"]
from sumskip import wiring_board

wiring_board(guess=None, number=7)

# %% run-photograph [markdown]
# ## Run it: a photograph
#
# Now the same with an image. `photograph()` gives a real photograph as a tensor: it shows Grace Hopper, who wrote the first compiler. Read its shape.

# %% photograph
photo = photograph()
print(tuple(photo.shape))

# %% show-photograph tags=["demo"]
show_feature_maps(photo, titles=("the photograph",))

# %% run-photograph-chain [markdown]
# Channel 0 is how much red each pixel has, channel 1 how much green, channel 2 how much blue.
#
# Now two convolutions, 3→8→4 channels. Predict the shape on each arrow, then run. The picture writes the shape (1, 3, 32, 32) as 1×3×32×32.

# %% chain-of-convolutions tags=["demo"]
chain = nn.Sequential(
    nn.Conv2d(3, 8, kernel_size=3, padding=1),
    nn.Conv2d(8, 4, kernel_size=3, padding=1),
)
trace(chain, photo)

# %% run-photograph-fit [markdown]
# The first convolution writes 8 channels, so the second must read 8. If it read 3, it would not fit: it never sees the photograph. `trace` draws that, too.

# %% chain-that-does-not-fit tags=["demo"]
does_not_fit = nn.Sequential(
    nn.Conv2d(3, 8, kernel_size=3, padding=1),
    nn.Conv2d(3, 4, kernel_size=3, padding=1),
)
trace(does_not_fit, photo)

# %% run-same-shape [markdown]
# When all shapes are equal, only the values can tell. Here both convolutions keep 3 channels. The cell prints how far the chain's output is from four other tensors; 0 means equal. Which one do you expect to be 0?

# %% chain-of-equal-shapes
first = nn.Conv2d(3, 3, kernel_size=3, padding=1)
second = nn.Conv2d(3, 3, kernel_size=3, padding=1)
out = nn.Sequential(first, second)(photo)

candidates = {
    "photo": photo,
    "first(photo)": first(photo),
    "second(first(photo))": second(first(photo)),
    "first(photo) + second(first(photo))": first(photo) + second(first(photo)),
}
for name, candidate in candidates.items():
    print(f"{name:36} {(out - candidate).abs().max().item():.4f}")


# %% sequential-model [markdown]
# ## Exercise 2: write a chain
#
# *6 points, easy, 5 minutes*
#
# Write the class `SequentialModel`: two convolutions, one after the other.
#
# - 3→16 channels, then 16→32 channels.
# - Both have `kernel_size=3` and `padding=1`.
# - Nothing else happens to the values before, between or after: no activation such as ReLU, if you know one.
# - In: shape (N, 3, H, W). Out: shape (N, 32, H, W).
#
# Make the layers in `__init__` and keep each with `self.name = ...`, not in a Python list: so the model can find them. Use them in `forward`. You may choose all names, and any way to build the chain is right.
#
# The check gives points for the shape and the values, and for two things that training needs: gradients and parameters. Lessons 2 and 3 explain them.

# %% sequential-model-solution nbgrader={"grade": false, "grade_id": "sequential_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
class SequentialModel(nn.Module):
    """Two convolutions in a chain: 3→16→32 channels.

    (N, 3, H, W) becomes (N, 32, H, W).
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.second = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.chain = nn.Sequential(self.first, self.second)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.chain(x)
        ### END SOLUTION


# %% trace-sequential-model tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(SequentialModel(), photo))
except Exception as error:
    print(f"Finish exercise 2 first: {error!r}")

# %% sequential-model-check nbgrader={"grade": true, "grade_id": "sequential_model_check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("sequential_model", SequentialModel)

# %% own-wiring-board-guess [markdown]
# ### Step through your own model
#
# The wiring board can also show the model that you wrote. The photograph goes in. Which shape comes out? Write your guess, four integers, in the place of `None`.

# %% own-wiring-board tags=["demo"]
from sumskip import wiring_board

try:
    display(wiring_board(guess=None, model=SequentialModel(), x=photo))
except Exception as error:
    print(f"Finish exercise 2 first: {error!r}")


# %% intermediate-outputs [markdown]
# ## Exercise 3: keep every output
#
# *8 points, medium, 6 minutes*
#
# A chain returns only its last output. Often you want to see the others as well. An `nn.Sequential` works like a list: `chain[0]` is its first module, and `for module in chain:` goes through its modules in order.
#
# Write the function `intermediate_outputs(model, x)`.
#
# - `model` is any `nn.Sequential`, and `x` is its input.
# - It returns a list: the output of each module of `model`, in order. The input `x` is not in the list.
# - So the list is as long as the chain, and its last tensor equals `model(x)`.
# - An `nn.Sequential` inside `model` counts as one module.
# - The model and `x` stay as they were.
#
# Predict first: for the chain `Triple(), SubtractOne(), Triple()` and the number 2, which three numbers are in the list?

# %% intermediate-outputs-solution nbgrader={"grade": false, "grade_id": "intermediate_outputs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def intermediate_outputs(model, x):
    """Returns the output of each module of `model`, in order, as a list."""
    ### BEGIN SOLUTION
    outputs = []
    for module in model:
        x = module(x)
        outputs.append(x)
    return outputs
    ### END SOLUTION


# %% intermediate-outputs-check nbgrader={"grade": true, "grade_id": "intermediate_outputs_check", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("intermediate_outputs", intermediate_outputs)

# %% use-intermediate-outputs tags=["demo"]
try:
    three = nn.Sequential(Triple(), SubtractOne(), Triple())
    numbers = intermediate_outputs(three, torch.tensor(2.0))
    maps = intermediate_outputs(chain, photo)
except Exception as error:
    print(f"Finish exercise 3 first: {error!r}")
else:
    print([number.item() for number in numbers])
    titles = ("output of module 0", "output of module 1")
    display(show_feature_maps(*maps, titles=titles))

# %% reflect [markdown]
# ## Reflect
#
# Double-click this cell and complete the sentences. They are not graded; you write them for yourself.
#
# - In `nn.Sequential(a, b)`, the module `b` receives …
# - The result is not `a(x) + b(x)`, because …
# - Two convolutions fit in a chain when …

# %% summary [markdown]
# ## Summary
#
# - `nn.Sequential(a, b)(x)` is `b(a(x))`. Modules run one after the other; nothing is added.
# - The shape of a batch of images is (N, C, H, W). A convolution changes C; with `kernel_size=3` and `padding=1`, H and W stay.
# - The channels that one convolution writes must be the channels that the next one reads.
#
# **Save your notebook now. On Binder, download it too.**
#
# **What comes next.** In lesson 2 you add two outputs, with a `+` that you write yourself.
