"""Interactive pictures: `wiring_board`, `pixel_at_the_plus`, `shape_aligner`; and others, without a guess.

Each of these three takes the learner's `guess` first and stays locked until there is one: the guess is
written in the cell, so it is saved with the notebook, and stays beside the truth. The others are `explore`,
which shows a model of the learner's own, box by box, `loss_over_alpha`, which shows what gradient descent
walks down, and the puzzles of `order_lines`. What a learner does in a picture is never an answer to an
exercise.
"""

from sumskip.seeing.widgets.aligner import shape_aligner
from sumskip.seeing.widgets.alpha import loss_over_alpha
from sumskip.seeing.widgets.explore import explore
from sumskip.seeing.widgets.order import order_lines
from sumskip.seeing.widgets.pixel import pixel_at_the_plus
from sumskip.seeing.widgets.wiring import wiring_board

__all__ = [
    "explore",
    "loss_over_alpha",
    "order_lines",
    "pixel_at_the_plus",
    "shape_aligner",
    "wiring_board",
]
