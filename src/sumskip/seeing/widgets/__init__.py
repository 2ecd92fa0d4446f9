"""Interactive pictures: `wiring_board`, `pixel_at_the_plus`, `shape_aligner`; and others, without a guess.

Each of these three takes the learner's `guess` first and stays locked until there is one. Written in the
cell, it is saved with the notebook; typed into the picture's field, it is gone with the kernel. It stays
beside the truth, which the wiring board keeps for the end. The others have nothing to guess: `explore`
shows a model of the learner's own, box by box, `loss_over_alpha` what gradient descent walks down, and
`order_lines` is a puzzle. What a learner does in a picture is never an answer to an exercise.
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
