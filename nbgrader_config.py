"""The course as nbgrader sees it: the course root is this folder, the masters are in `notebooks/`.

Plain `nbgrader generate_assignment`, `autograde` and `generate_feedback` work here, and formgrader too.
`python -m autograder grade` uses the same settings, for a whole class at once.
"""

import sys
from pathlib import Path

from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    GetGrades,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
)

ROOT = Path(__file__).parent.resolve()
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from autograder import release, settings  # noqa: E402  (found by the lines above)
from autograder.gradebook import exchange, late, masters, pages, preprocessors, session  # noqa: E402

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (traitlets puts it here)
course = settings.read_settings(ROOT)
session.wait_for_locks()
exchange.read_times_in_nbgrader()

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "notebooks"

# Predictions are released as a dict with None, points are those of course.toml; and every notebook says which
# version of the course it belongs to.
c.GenerateAssignment.preprocessors = release.our_steps(GenerateAssignment.preprocessors.default())
c.GenerateAssignment.pre_convert_hook = masters.the_master_alone
c.ClearAnswers.settings = course

# A learner's cells run in the engine alone: nothing here executes a cell.
c.Autograde.sanitize_preprocessors = [
    preprocessors.RestoreSubmission,
    ClearOutput,
    DeduplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    preprocessors.GiveVerdicts,
    LimitOutput,
    preprocessors.SaveVerdicts,
    AssignLatePenalties,
    CheckCellMetadata,
]

# Where there is no sandbox, plain `nbgrader autograde` refuses to run what learners wrote. This lets it,
# without walls and with your rights:
# c.RestoreSubmission.trust_submissions = True

# What being late costs, where course.toml says so; a policy of your own would come in here.
if course.percent_a_day:
    c.AssignLatePenalties.plugin_class = late.LateByDay
    c.LateByDay.update(course.late)

# A feedback page says of what nobody has marked yet that it is so, and not that it earned nothing.
c.GenerateFeedback.preprocessors = [
    pages.ShowGrades if step is GetGrades else step for step in GenerateFeedback.preprocessors.default()
]

# An export takes off for being late what the policy says of the marks at that moment.
c.ExportApp.plugin_class = late.SettledExport

# Feedback and formgrader: nothing of a learner's runs in the reader's browser, and nothing is loaded.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.preprocessors = ["autograder.gradebook.pages.CleanPages"]
c.HTMLExporter.filters = pages.FILTERS
c.HTMLExporter.template_file = pages.TEMPLATE
c.HTMLExporter.optimistic_validation = True  # once, of what is left, and not after every step

# Training takes longer than nbgrader's 30 seconds a cell on a small machine; used by Validate alone.
c.Execute.timeout = 300
