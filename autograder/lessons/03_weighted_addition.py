# %% intro [markdown]
# # 3. Weighted addition: how much of each path
#
# **What you'll do.** You weigh the two paths of an addition with one number, alpha. Then you let the model learn alpha.
#
# **What you'll learn**
#
# - What `alpha * out1 + (1 - alpha) * out2` does for different alpha.
# - What a module trains: parameters, buffers, and what is neither.
# - What the gradient of alpha says, and how gradient descent uses it.
#
# **What you'll need.** Lesson 2: explicit addition, skip connections, the backward pass.
#
# **Minutes:** about 25. **Points:** 26.
#
# **Binder forgets.** If you work on Binder, download your notebook before you leave: menu *File*, then *Download*.

# %% imports nbgrader={"grade": false, "grade_id": "imports_weighted_addition", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch
from torch import nn

from sumskip import Dimmer, check, compare, photograph, show_feature_maps, trace

torch.set_num_threads(1)  # the fastest way for models as small as these
_ = torch.manual_seed(0)  # the same random numbers every time you start again
photo = photograph()

# %% weighted-sum [markdown]
# ## A sum with weights
#
# In lesson 2, both paths counted the same: `out1 + out2`. A **weighted sum** says how much of each:
#
# ```python
# y = alpha * out1 + (1 - alpha) * out2
# ```
#
# Alpha is one number. `out1` gets the weight alpha, and `out2` gets the rest, 1 − alpha.
#
# Predict with `out1 = 12` and `out2 = 11`, the numbers of lesson 2: what is `y` for alpha 1, for alpha 0, and for alpha 0.5? Where is the sum 23?

# %% weighted-sum-with-numbers
out1, out2 = torch.tensor(12.0), torch.tensor(11.0)
for alpha in [1.0, 0.0, 0.5, 0.3, 1.5]:
    y = alpha * out1 + (1 - alpha) * out2
    print(f"{alpha:.1f} · 12  +  {1 - alpha:4.1f} · 11  =  {y.item():.1f}")

# %% weighted-sum-compare [markdown]
# Alpha 1 gives `out1`, alpha 0 gives `out2`. Alpha 0.5 gives 11.5, which is *half* the sum of lesson 2, because both weights together are always 1. Alpha may leave the range from 0 to 1: at 1.5 the result lies beyond `out1`.

# %% pixel-guess [markdown]
# ### One pixel, weighted
#
# The picture of lesson 2 again, now with weights. Run the cell: it names two numbers. What leaves the weighted sum for alpha 0.25? Write your guess in the place of `None`, and run it again. Then change alpha: where does the result look like `out1`, and what happens below 0?

# %% pixel-at-the-plus tags=["demo"]
from sumskip import pixel_at_the_plus

pixel_at_the_plus(guess=None, alpha=0.25)


# %% what-a-module-trains [markdown]
# ## What a module trains
#
# Alpha should be learned. So the module must know that it is there. A module keeps two lists of its own tensors:
#
# - A **parameter** is trained. `self.a = nn.Parameter(torch.tensor(1.0))` puts it in the list `parameters()`, which you give to the optimiser, the object that changes the weights.
# - A **buffer** is kept and saved with the model, but never trained. `self.register_buffer("b", torch.tensor(1.0))` puts it in the list `buffers()`.
#
# Everything else that you assign to `self` is **neither**. Python keeps it, but the two lists do not have it. Modules that you assign, such as a convolution, bring their own parameters.
#
# The lists look at how a tensor was assigned, not at whether it changes.

# %% what-trains [markdown]
# ## Exercise 1: what trains?
#
# *4 points, medium, 5 minutes*
#
# Read this class. For each of its six attributes, say in which list its own tensor is: `"parameter"`, `"buffer"` or `"neither"`. Answer **before you run anything below**.
#
# - `requires_grad=True` asks PyTorch to compute a gradient for a tensor; `requires_grad=False` asks for none.
# - A parameter with `requires_grad=False` is still in the list `parameters()`, so its answer is `"parameter"`.

# %% six-attributes nbgrader={"grade": false, "grade_id": "six_attributes", "locked": true, "schema_version": 3, "solution": false, "task": false}
class SixAttributes(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("bias_buffer", torch.zeros(3))
        self.gain = torch.tensor(0.5, requires_grad=True)
        self.offset = 0.5
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.scale = [nn.Parameter(torch.ones(1))]


# %% what-trains-solution nbgrader={"grade": false, "grade_id": "what_trains", "locked": false, "schema_version": 3, "solution": true, "task": false}
trains = {
    "weight": None,  # "parameter", "buffer" or "neither"
    "bias_buffer": None,
    "gain": None,
    "offset": None,
    "frozen": None,
    "scale": None,
}

# Leave the lines below as they are:
# they stop this cell while an answer is still None.
if None in trains.values():
    ### BEGIN SOLUTION
    trains = {
        "weight": "parameter",
        "bias_buffer": "buffer",
        "gain": "neither",
        "offset": "neither",
        "frozen": "parameter",
        "scale": "neither",
    }
    ### END SOLUTION

# %% what-trains-check nbgrader={"grade": true, "grade_id": "what_trains_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("what_trains", trains)


# %% run-what-trains [markdown]
# ### Run it: another module
#
# This check looks only at the form. Here is another module with other attributes. `nn.Linear(1, 1)` is a module with two parameters of its own, `weight` and `bias`. Predict which names are printed, then run, and go back to your answers if you want to.

# %% another-module
class Lamp(nn.Module):
    def __init__(self):
        super().__init__()
        self.colour = nn.Parameter(torch.zeros(3))
        self.glass = torch.ones(3, requires_grad=True)
        self.register_buffer("hours", torch.tensor(0.0))
        self.bulbs = nn.ModuleList([nn.Linear(1, 1)])
        self.spare_bulbs = [nn.Linear(1, 1)]


lamp = Lamp()
print("parameters:", [name for name, _ in lamp.named_parameters()])
print("buffers:   ", [name for name, _ in lamp.named_buffers()])


# %% run-what-trains-compare [markdown]
# `glass` has a gradient, but no list has it, so no optimiser would change it. `spare_bulbs` is an ordinary Python list: the module does not look inside. `nn.ModuleList` is a list that it does look into.

# %% weighted-addition-model [markdown]
# ## Exercise 2: write a weighted addition
#
# *12 points, medium, 7 minutes*
#
# Write `WeightedAdditionModel`. It is like `AdditionModel` of lesson 2, with alpha:
#
# - The first convolution reads `x`, 3→16 channels; its output is `out1`. The second reads `out1`, 16→16 channels; its output is `out2`. Both have `kernel_size=3` and `padding=1`.
# - The model returns `alpha * out1 + (1 - alpha) * out2`.
# - `self.alpha` is a parameter that starts at 0.5. It must have this name.
# - It is a single number, not one for each channel. `forward` uses it as it is, without passing it through another function first.
# - In: shape (N, 3, H, W). Out: shape (N, 16, H, W).
#
# All other names are yours. `nn.Parameter` needs a tensor: `torch.tensor(0.5)`. In the picture of your model, find alpha: where does it go, and what becomes of `1 - alpha`?

# %% weighted-addition-model-solution nbgrader={"grade": false, "grade_id": "weighted_addition_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
class WeightedAdditionModel(nn.Module):
    """Returns alpha * out1 + (1 - alpha) * out2.

    (N, 3, H, W) becomes (N, 16, H, W).
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2
        ### END SOLUTION


# %% trace-weighted-addition-model tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(WeightedAdditionModel(), photo))
except Exception as error:
    print(f"Finish exercise 2 first: {error!r}")

# %% weighted-addition-model-check nbgrader={"grade": true, "grade_id": "weighted_addition_model_check", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
check("weighted_addition_model", WeightedAdditionModel)


# %% weighted-compare [markdown]
# ### Compare: three models
#
# Chain, addition and weighted addition, side by side. What does each model have that the one before it has not?

# %% compare-three-models tags=["demo"]
class Addition(nn.Module):
    def __init__(self, first, second):
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x):
        out1 = self.first(x)
        return out1 + self.second(out1)


conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
try:
    chain, addition = nn.Sequential(conv1, conv2), Addition(conv1, conv2)
    display(compare(chain, addition, WeightedAdditionModel(), photo))
except Exception as error:
    print(f"Finish exercise 2 first: {error!r}")

# %% gradient-of-alpha [markdown]
# ## The gradient of alpha
#
# A **loss** is one number that says how wrong an output is. The **mean squared error** is the mean of `(output - target) ** 2`.
#
# Take `out1 = 12`, `out2 = 8` and alpha 0.5, so the output is 10. The target is 11.
#
# - The loss is (10 − 11)² = 1.
# - If alpha grows a little, the output grows by `out1 - out2` = 4 times as much.
# - The loss changes by 2 · (10 − 11) = −2 times what the output changes.
#
# So what is the gradient of alpha? And must alpha grow or shrink to make the loss smaller? Decide, then run.

# %% gradient-of-alpha-with-numbers
out1, out2 = torch.tensor(12.0), torch.tensor(8.0)
target = torch.tensor(11.0)
alpha = torch.tensor(0.5, requires_grad=True)

y = alpha * out1 + (1 - alpha) * out2
loss = (y - target) ** 2
loss.backward()
print("output:           ", y.item())
print("loss:             ", loss.item())
print("gradient of alpha:", alpha.grad.item())

# %% gradient-descent [markdown]
# The gradient is −2 · 4 = −8. It is negative: when alpha grows, the loss gets smaller. **Gradient descent** goes a step against the gradient:
#
# new alpha = alpha − learning rate · gradient
#
# With the learning rate 0.01, that is 0.5 + 0.08 = 0.58. Below, PyTorch's plain gradient descent, `torch.optim.SGD`, does this on another problem: find the `w` for which `(w - 1) ** 2` is smallest. Read the four lines in the loop. What does each do? Which value should `w` come close to?

# %% gradient-descent-with-numbers
w = nn.Parameter(torch.tensor(3.0))
# The optimiser changes only what is in this list.
optimizer = torch.optim.SGD([w], lr=0.2)

for step in range(6):
    loss = (w - 1) ** 2
    optimizer.zero_grad()  # forget the gradient of the step before
    loss.backward()  # compute the gradient of w
    optimizer.step()  # w = w - lr * gradient
    print(f"after step {step + 1}: w = {w.item():.4f}")


# %% fit-alpha [markdown]
# ## Exercise 3: fit alpha
#
# *10 points, medium, 8 minutes*
#
# `Dimmer` is a small model that you get ready-made: it returns `alpha * conv(x)`, so alpha sets how bright its output is. Write `fit_alpha(model, x, target, steps, lr)`:
#
# - It trains `model.alpha` with plain gradient descent: `torch.optim.SGD`, learning rate `lr`, nothing else set.
# - The loss in each step is the mean squared error between `model(x)` and `target`: `nn.functional.mse_loss`.
# - It makes exactly `steps` steps.
# - It changes alpha and no other weight of the model.
# - It returns a list with `steps` numbers: alpha **after** each step, as ordinary Python numbers. `model.alpha.item()` gives one.

# %% fit-alpha-solution nbgrader={"grade": false, "grade_id": "fit_alpha", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_alpha(model, x, target, steps, lr):
    """Trains model.alpha alone.

    Returns its value after each step: a list of `steps` numbers.
    """
    ### BEGIN SOLUTION
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    values = []
    for _ in range(steps):
        loss = nn.functional.mse_loss(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(model.alpha.item())
    return values
    ### END SOLUTION


# %% fit-alpha-check nbgrader={"grade": true, "grade_id": "fit_alpha_check", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
check("fit_alpha", fit_alpha)

# %% use-fit-alpha [markdown]
# ### Use it on the photograph
#
# Somebody dimmed the output to 0.2 of its brightness. Can your function find the 0.2? Alpha starts at 0.5.
#
# All numbers in this image are small, so the loss and its gradient are small too. That is why the learning rate is large here.

# %% fit-alpha-on-the-photograph tags=["demo"]
torch.manual_seed(0)
grey = photo.mean(dim=1, keepdim=True)  # (1, 1, 32, 32)
dimmer = Dimmer()
with torch.no_grad():
    full = dimmer.conv(grey)
    target = 0.2 * full

try:
    values = fit_alpha(dimmer, grey, target, steps=30, lr=20)
    for step in [1, 2, 5, 10, 20, 30]:
        print(f"after step {step:2}: alpha = {values[step - 1]:.4f}")
    with torch.no_grad():
        titles = ("alpha 1", "target", "alpha found")
        display(show_feature_maps(full, target, dimmer(grey), titles=titles))
except Exception as error:
    print(f"Finish exercise 3 first: {error!r}")

# %% reflect [markdown]
# ## Reflect
#
# Double-click this cell and complete the sentences. They are not graded.
#
# - At alpha 0.5, the weighted sum is not `out1 + out2`, because …
# - `self.alpha = 0.5` is never learned, because …
# - When `out1` and `out2` are equal, the gradient of alpha is …

# %% summary [markdown]
# ## Summary
#
# - `alpha * out1 + (1 - alpha) * out2` weighs two paths; the weights together are 1.
# - Only an `nn.Parameter` that the module can see is in `parameters()`, and only what is there is trained.
# - Use the parameter itself in `forward`. `alpha.item()` makes an ordinary number of it: good for printing, but no gradient flows through it.
# - The gradient of alpha depends on `out1 - out2`: where both paths agree, alpha does not matter.
#
# **Save your notebook now. On Binder, download it too.**
#
# **What comes next.** In lesson 4 the skip connection becomes the building block of a famous network, ResNet.
