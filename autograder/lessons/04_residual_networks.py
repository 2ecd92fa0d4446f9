# %% intro [markdown]
# # 4. Residual networks: blocks that add
#
# **What you'll do.** You put a skip connection around two convolutions, predict what such a block returns, write the block for all cases, and, if you like, build a small ResNet that reads digits.
#
# **What you'll learn**
#
# - What a residual block computes: relu(F(x) + x).
# - Why a block that adds is easier to train when there are many.
# - How the shortcut changes when channels or size change.
#
# **What you'll need.** Lessons 1 to 3: chains, addition, projection, parameters, gradients.
#
# **Minutes:** about 20 up to exercise 1. The rest is a second sitting of about 45 minutes. **Points:** 34.
#
# **Binder forgets.** If you work on Binder, download your notebook before you leave: menu *File*, then *Download*.

# %% imports nbgrader={"grade": false, "grade_id": "imports_residual_networks", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch
from torch import nn

from sumskip import check, compare, digits, photograph, show_feature_maps, trace

torch.set_num_threads(1)  # the fastest way for models as small as these
_ = torch.manual_seed(0)  # the same random numbers every time you start again
photo = photograph()

# %% two-new-layers [markdown]
# ## Two new layers
#
# **ReLU** replaces every negative number by 0 and keeps the others: `torch.relu(x)` or `nn.ReLU()`.
#
# **Batch normalisation**, `nn.BatchNorm2d(channels)`, brings each channel to a common scale. It takes the mean of the channel away and divides by its spread. Then it multiplies by a **gain** and adds a **bias**. Gain and bias are parameters, one of each for every channel: `weight`, which starts at 1, and `bias`, which starts at 0.
#
# It has two modes. After `model.train()`, mean and spread come from the batch at hand. After `model.eval()`, they come from two buffers that were collected during training.
#
# Predict the four numbers for the channel 1, 2, 3, 6 after ReLU of the normalised values: which become 0?

# %% two-new-layers-with-numbers
channel = torch.tensor([1.0, 2.0, 3.0, 6.0]).reshape(1, 1, 2, 2)
normalise = nn.BatchNorm2d(1)
values = normalise(channel)

for name, result in [("normalised:", values), ("then ReLU: ", torch.relu(values))]:
    print(name, [f"{value:.2f}" for value in result.flatten().tolist()])
print("parameters:", [name for name, _ in normalise.named_parameters()])
print("buffers:   ", [name for name, _ in normalise.named_buffers()])


# %% plain-block [markdown]
# ## A plain block
#
# Here is a block without a skip connection. Call what its five layers do **F**: convolution, BatchNorm, ReLU, convolution, BatchNorm. The block returns relu(F(x)). All shapes stay (N, channels, H, W).

# %% plain-block-class nbgrader={"grade": false, "grade_id": "plain_block", "locked": true, "schema_version": 3, "solution": false, "task": false}
class PlainBlock(nn.Module):
    """Returns relu(F(x)).

    (N, channels, H, W) stays (N, channels, H, W).
    """

    def __init__(self, channels):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return torch.relu(self.f(x))


# %% trace-plain-block tags=["demo"]
trace(PlainBlock(3), photo)


# %% identity-block [markdown]
# ## Exercise 1: the identity block
#
# *8 points, medium, 8 minutes*
#
# Give the block a skip connection that starts at its input. F must then learn only what is missing, the **residual**; so this is called a **residual block**. Here the shortcut changes nothing: it is the **identity**.
#
# Write `IdentityBlock(channels)`:
#
# - It returns relu(F(x) + x).
# - F is, in this order: convolution, BatchNorm, ReLU, convolution, BatchNorm. Both convolutions have `kernel_size=3` and `padding=1` and keep the number of channels; a bias in them is allowed and not needed.
# - The last ReLU comes **after** the addition.
# - In and out: shape (N, channels, H, W).
#
# All names are yours. First decide: can the output of this block be negative?

# %% identity-block-solution nbgrader={"grade": false, "grade_id": "identity_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
class IdentityBlock(nn.Module):
    """Returns relu(F(x) + x).

    (N, channels, H, W) stays (N, channels, H, W).
    """

    def __init__(self, channels):
        super().__init__()
        ### BEGIN SOLUTION
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return torch.relu(self.residual(x) + x)
        ### END SOLUTION


# %% trace-identity-block tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(compare(PlainBlock(3), IdentityBlock(3), photo))
except Exception as error:
    print(f"Finish exercise 1 first: {error!r}")

# %% identity-block-check nbgrader={"grade": true, "grade_id": "identity_block_check", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check("identity_block", IdentityBlock)

# %% end-of-first-sitting [markdown]
# ### End of the first sitting
#
# This is a good place for a break. You can stop here, save, and come back another day. On Binder, download your notebook before you leave.
#
# When you come back, run all cells above again: menu *Run*, then *Run All Above Selected Cell*.

# %% plain-vs-residual [markdown]
# ## Exercise 2: predict plain and residual
#
# *6 points, medium, 6 minutes*
#
# Think, and answer **before you run anything below**.
#
# In questions 1 and 2, `x` has no negative numbers, and the last BatchNorm of F has gain 0 and bias 0. Choose what leaves the block: `"zeros"`, `"x"`, `"F(x)"` or `"other"`. If two would be equal, choose the first of them in this order.
#
# 1. `"plain_output"`: the plain block, relu(F(x)).
# 2. `"residual_output"`: the residual block, relu(F(x) + x).
# 3. `"deeper_plain"`: He and others (2016) trained two plain networks on the same images, CIFAR-10: one with 20 layers and one with 56. Was the **training** error of the 56 layers `"lower"`, the `"same"` or `"higher"`?
# 4. `"identity_parameters"`: how many learnable numbers does an identity shortcut add to a block with 64 channels?

# %% plain-vs-residual-solution nbgrader={"grade": false, "grade_id": "plain_vs_residual", "locked": false, "schema_version": 3, "solution": true, "task": false}
predictions_residual = {
    "plain_output": None,  # "zeros", "x", "F(x)" or "other"
    "residual_output": None,  # "zeros", "x", "F(x)" or "other"
    "deeper_plain": None,  # "lower", "same" or "higher"
    "identity_parameters": None,  # an integer
}

# Leave the lines below as they are:
# they stop this cell while an answer is still None.
if None in predictions_residual.values():
    ### BEGIN SOLUTION
    predictions_residual = {
        "plain_output": "zeros",
        "residual_output": "x",
        "deeper_plain": "higher",
        "identity_parameters": 0,
    }
    ### END SOLUTION

# %% plain-vs-residual-check nbgrader={"grade": true, "grade_id": "plain_vs_residual_check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check("plain_vs_residual", predictions_residual)

# %% run-plain-and-residual [markdown]
# ### Run it: a block that starts quietly
#
# This check looks only at the form. Here is another case: the gain of the last BatchNorm is 0 and its bias is 0.25, so F(x) is 0.25 everywhere. Predict what the two blocks make of 0, 1 and 2. Then run, and compare it with your answers.

# %% quiet-blocks
plain = PlainBlock(1)
last = plain.f[4]  # the second BatchNorm
nn.init.zeros_(last.weight)
nn.init.constant_(last.bias, 0.25)

x = torch.tensor([0.0, 1.0, 2.0, 1.0]).reshape(1, 1, 2, 2)
with torch.no_grad():
    f = plain.f(x)
    print("x:                       ", x.flatten().tolist())
    print("F(x):                    ", f.flatten().tolist())
    print("plain:    relu(F(x)):    ", torch.relu(f).flatten().tolist())
    print("residual: relu(F(x) + x):", torch.relu(f + x).flatten().tolist())

# %% run-depth [markdown]
# ### Run it: many blocks
#
# The plain block lost `x`; the residual block still carries it. Now put 16 blocks in a row, with and without the skip connection, and train both for 40 steps on real handwritten digits, of shape (1, 8, 8). Everything else is the same. Which training loss do you expect to be lower? The cell takes some seconds.

# %% train-many-blocks tags=["demo"]
# Images (1797, 1, 8, 8), and the digit that each one shows.
images, labels = digits()


def train(block, blocks=16, steps=40):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=3, padding=1),
        *[block(8) for _ in range(blocks)],
        nn.AdaptiveAvgPool2d(1),  # the mean of each channel: (N, 8, 1, 1)
        nn.Flatten(),  # (N, 8)
        nn.Linear(8, 10),  # one score for each digit
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(steps):
        chosen = torch.randint(len(images), (64,))
        loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 10 == 0:
            print(f"   after step {step + 1}: training loss {loss.item():.2f}")


print("16 plain blocks")
train(PlainBlock)
try:
    print("16 identity blocks: yours")
    train(IdentityBlock)
except Exception as error:
    print(f"Finish exercise 1 first: {error!r}")

# %% run-depth-compare [markdown]
# Each plain block must pass on everything that the next ones need, through its own layers. Each residual block passes `x` on by itself, and the gradient comes back by the same way. A loss of 2.3 is what blind guessing among ten digits gives.
#
# This was one short training with a small learning task. Your answer about 20 and 56 layers is about a long one.

# %% stride [markdown]
# ## When the shape changes
#
# Deep networks make images smaller and channels more numerous, step by step. With `stride=2`, a convolution moves two pixels at a time, so height and width are halved.
#
# Predict the three shapes for `x` of shape (1, 8, 20, 20). Which of them can be added?

# %% stride-with-shapes
x = torch.zeros(1, 8, 20, 20)
convolutions = {
    "3×3, stride 2": nn.Conv2d(8, 12, kernel_size=3, stride=2, padding=1),
    "1×1, stride 1": nn.Conv2d(8, 12, kernel_size=1),
    "1×1, stride 2": nn.Conv2d(8, 12, kernel_size=1, stride=2),
}
for name, convolution in convolutions.items():
    print(name, tuple(convolution(x).shape))


# %% residual-block [markdown]
# ## Exercise 3: the residual block
#
# *12 points, hard, 14 minutes*
#
# Write `ResidualBlock(in_channels, out_channels, stride=1)`. It returns relu(F(x) + shortcut(x)).
#
# - F is, in this order: convolution, BatchNorm, ReLU, convolution, BatchNorm. Both convolutions have `kernel_size=3` and `padding=1`.
# - The first convolution goes from `in_channels` to `out_channels` and has the `stride`. The second keeps `out_channels` and has stride 1.
# - The shortcut is the identity where the stride is 1 and `in_channels` equals `out_channels`.
# - In every other case the shortcut is a projection of `x`: a 1×1 convolution from `in_channels` to `out_channels` with the same `stride`, then BatchNorm, no ReLU.
# - A bias in the convolutions is allowed and not needed. All names are yours.
# - In: shape (N, in_channels, H, W). Out: shape (N, out_channels, H, W) for stride 1, half the height and width for stride 2.
#
# There are four cases: channels equal or not, stride 1 or 2. In how many of them is the shortcut a projection?

# %% residual-block-solution nbgrader={"grade": false, "grade_id": "residual_block", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ResidualBlock(nn.Module):
    """Returns relu(F(x) + shortcut(x)).

    (N, in_channels, H, W) becomes (N, out_channels, H, W),
    with half the height and width where the stride is 2.
    """

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        ### BEGIN SOLUTION
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        if stride == 1 and in_channels == out_channels:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride),
                nn.BatchNorm2d(out_channels),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return torch.relu(self.residual(x) + self.shortcut(x))
        ### END SOLUTION


# %% trace-residual-block tags=["demo"]
# Look at what you wrote before you check it.
try:
    display(trace(ResidualBlock(3, 8, stride=2), photo))
except Exception as error:
    print(f"Finish exercise 3 first: {error!r}")

# %% residual-block-check nbgrader={"grade": true, "grade_id": "residual_block_check", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
check("residual_block", ResidualBlock)


# %% tiny-resnet [markdown]
# ## Exercise 4 (optional): a tiny ResNet
#
# *4 points, medium, 10 minutes*
#
# Write `TinyResNet(block, num_classes=10)`. `block` is a class such as your `ResidualBlock`. In this order:
#
# 1. A convolution 1→16 channels, `kernel_size=3`, `padding=1`. BatchNorm and ReLU may follow.
# 2. `block(16, 16)`, then `block(16, 32, stride=2)`.
# 3. The mean over all pixels of each channel: shape (N, 32).
# 4. `nn.Linear(32, num_classes)`. Its output is returned as it is. These scores, one for each class, are called **logits**.
#
# In: digits of shape (N, 1, 8, 8). Out: shape (N, num_classes).
#
# The check brings blocks of its own, so a mistake in exercise 3 costs nothing here.

# %% tiny-resnet-solution nbgrader={"grade": false, "grade_id": "tiny_resnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
class TinyResNet(nn.Module):
    """A small ResNet for digits.

    (N, 1, 8, 8) becomes logits of shape (N, num_classes).
    """

    def __init__(self, block, num_classes=10):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            block(16, 16),
            block(16, 32, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, num_classes),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.layers(x)
        ### END SOLUTION


# %% tiny-resnet-check nbgrader={"grade": true, "grade_id": "tiny_resnet_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("tiny_resnet", TinyResNet)

# %% train-tiny-resnet-text [markdown]
# ### Let it read digits
#
# Your network trains for 100 steps on 1500 digits, which takes some seconds. The other 297 are kept for a test: it has never seen them. Guessing would get 10 % of them right.

# %% train-tiny-resnet tags=["demo"]
try:
    torch.manual_seed(0)
    model = TinyResNet(ResidualBlock)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    for _ in range(100):
        chosen = torch.randint(1500, (64,))
        loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        guesses = model(images[1500:]).argmax(dim=1)
    right = (guesses == labels[1500:]).float().mean().item()
    print(f"test digits read correctly: {right:.0%}")
    # Four test digits side by side, as the four channels of one image.
    shown = images[1500:1504].transpose(0, 1)
    display(show_feature_maps(shown, titles=(f"read as {guesses[:4].tolist()}",)))
except Exception as error:
    print(f"Finish exercises 3 and 4 first: {error!r}")

# %% explain-skip-question [markdown] nbgrader={"grade": false, "grade_id": "explain_skip_question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## Exercise 5: explain the skip connection
#
# *4 points, 8 minutes. Your instructor reads and marks this answer.*
#
# A friend says: "A deep network stacks layers, and stacking adds them. So why would I need a skip connection?" Answer in four to eight sentences. One point for each of these:
#
# 1. What a stack of layers computes, with a small example in numbers.
# 2. What the skip connection adds to what, and where the `+` is.
# 3. What must be true of the two shapes, and what to do if it is not.
# 4. Why many blocks with skip connections are easier to train.

# %% explain-skip [markdown] nbgrader={"grade": true, "grade_id": "explain_skip", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# A stack of layers runs one after the other: 5 through "double" and then "add three" is 10, then 13. Nothing is added to the 10. A skip connection takes the input x around the layers F, and a written + adds it to their output, F(x) + x, before the last ReLU. Both tensors must have fitting shapes, best the same one. If channels or size differ, a 1×1 convolution with the same stride (and BatchNorm) projects x to the shape of F(x). In a deep network, a block can pass x on simply by making F(x) zero, instead of learning to copy it. Also, at the + the gradient goes back unchanged along the skip, so that early layers learn although many layers come after them.

# %% reflect [markdown]
# ## Reflect
#
# Double-click this cell and complete the sentences. They are not graded.
#
# - Before this course I thought that stacking layers …
# - Now I can see where something is added by …
# - One thing I want to try next is …

# %% summary [markdown]
# ## Summary
#
# - A residual block returns relu(F(x) + x): F only has to learn what must be added to `x`.
# - In a chain of many blocks, the skip connections carry `x` forward and the gradient back.
# - When channels or size change, a 1×1 convolution with the same stride, and BatchNorm, make the shortcut fit.
# - A ResNet is a chain of such blocks: `nn.Sequential` outside, explicit addition inside.
#
# **Save your notebook now. On Binder, download it too.**
#
# **What comes next.** This is the end of the course. Read the ResNet of `torchvision`, or run `trace` on a model of your own: you know every part of the picture now.
