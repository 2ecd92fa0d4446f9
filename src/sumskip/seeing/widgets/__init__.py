"""Interactive pictures: `wiring_board`, `pixel_at_the_plus`, `shape_aligner`, and `explore`.

Each of the three takes the learner's `guess` first and stays locked until there is one: the guess is
written in the cell, so it is saved with the notebook, and stays beside the truth. `explore` has nothing to
guess: it shows a model of the learner's own, box by box. What a learner does in a picture is never an answer
to an exercise.
"""

from sumskip.seeing.widgets.aligner import shape_aligner
from sumskip.seeing.widgets.alpha import loss_over_alpha
from sumskip.seeing.widgets.explore import explore
from sumskip.seeing.widgets.pixel import pixel_at_the_plus
from sumskip.seeing.widgets.wiring import wiring_board

__all__ = ["explore", "loss_over_alpha", "pixel_at_the_plus", "shape_aligner", "wiring_board"]
