"""What being late costs: by the course's policy, from the dates and marks that the gradebook has at present.

nbgrader works it out when a submission is autograded, and never again. Here every run does, and every export.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.plugins import CsvExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Float, TraitError

from autograder.gradebook.marks import Recorded, read_marks
from autograder.gradebook.session import CONFIG, GradebookError, in_settings
from autograder.settings import read_settings


@dataclass(frozen=True)
class LatePolicy:
    """What the course's `nbgrader_config.py` takes off for being late; without a step for it, nothing new."""

    step: AssignLatePenalties | None

    @classmethod
    def of(cls, converter: Autograde) -> LatePolicy:
        """The policy among the steps of this converter.

        Raises:
            GradebookError: it cannot be set up.
        """
        for step in converter.autograde_preprocessors:
            if isinstance(step, type) and issubclass(step, AssignLatePenalties):
                try:
                    return cls(step(parent=converter))
                except TraitError as error:
                    raise GradebookError(f"{CONFIG}: {in_settings(error)}; mend it") from error
        return cls(None)

    def penalty(self, learner: str, recorded: Recorded, timestamp: datetime | None) -> float:
        """What is taken off these marks, handed in at this time, by the gradebook's present dates.

        Raises:
            GradebookError: the policy itself fails, or says something else than a number.
        """
        if self.step is None:
            return recorded.penalty
        seconds = recorded.late(timestamp)
        if not seconds:
            return 0.0
        try:
            self.step.init_plugin()
            penalty = self.step.plugin_inst.late_submission_penalty(learner, recorded.score, seconds)
            if penalty is None:
                return 0.0
            # nbgrader's own bounds: not below 0, not more than there is.
            taken = float(self.step._check_late_penalty(SimpleNamespace(score=recorded.score), penalty))
            if math.isnan(taken):
                raise ValueError("expected a number of points, got nan")
        except (Exception, SystemExit) as error:
            name = self.step.plugin_class.__name__
            raise GradebookError(f"the late policy {name} fails: {in_settings(error)}") from error
        return taken


class LateByDay(LateSubmissionPlugin):
    """Takes a share of the marks for every day begun, as `course.toml` says."""

    grace_minutes = Float(0.0, help="How late costs nothing yet.").tag(config=True)
    percent_a_day = Float(0.0, help="Of the marks, for every day begun.").tag(config=True)
    at_most_percent = Float(100.0, help="However late it is.").tag(config=True)

    def late_submission_penalty(self, _learner: str, score: float, seconds: float) -> float:
        days = math.ceil((seconds - 60 * self.grace_minutes) / 86400)
        return score * min(max(days, 0) * self.percent_a_day, self.at_most_percent) / 100


class SettledExport(CsvExportPlugin):
    """nbgrader's export as CSV, for which late penalties follow the marks of a moment ago.

    It stands in `c.ExportApp.plugin_class`. A mark given by hand in formgrader changes what a policy takes
    off. The gradebook itself has it after the next `grade`, which says so and writes the page.
    """

    def export(self, gradebook: Gradebook) -> None:
        policy = LatePolicy.of(Autograde(coursedir=self.parent.coursedir, parent=self.parent))
        settings = read_settings(Path(self.parent.coursedir.root))
        try:
            for name in [assignment.name for assignment in gradebook.assignments]:
                for learner, recorded in read_marks(gradebook.db, name, settings).items():
                    notebook = gradebook.find_submission_notebook(name, name, learner)
                    penalty = policy.penalty(learner, recorded, recorded.timestamp)
                    notebook.late_submission_penalty = penalty or None
            gradebook.db.flush()
            gradebook.db.expire_all()  # sums are read again
            super().export(gradebook)
        finally:
            gradebook.db.rollback()
