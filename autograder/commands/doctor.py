"""`doctor`: what this machine can do for grading."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.commands import one_line

_SIGNS = {"good": "✓", "missing": "✗", "note": "·"}


@click.command()
def doctor() -> int:
    """See whether learners' code can be walled in here.

    Where it cannot, the lines to type stand below.

    The walls are built and tried, as before each batch; nothing is graded and nothing is changed. Status 1
    where they do not hold.
    """
    from autograder.doctor import Machine, State, examine
    from autograder.engine.run import Engine
    from autograder.engine.sandbox import INSTALL, Level, SandboxError
    from autograder.gradebook.book import ReadGradebook
    from autograder.gradebook.session import GradebookError
    from autograder.settings import SettingError

    def walls() -> tuple[Level | None, str]:
        try:
            with Engine() as engine:
                return engine.level, ""
        except SandboxError as error:
            return None, str(error).removesuffix(f": {INSTALL}")

    def gradebook() -> tuple[State, str]:
        root = Path.cwd()
        if not (root / "nbgrader_config.py").is_file():
            return "note", "this folder is no course, which would have one"
        try:
            learners = len(ReadGradebook(root).students())
        except (GradebookError, SettingError) as error:
            return "missing", str(error)
        return "good", f"can be read; learners in it: {learners}"

    missing = False
    for found in examine(Machine(walls, gradebook)):
        missing |= found.state == "missing"
        print(f"  {_SIGNS[found.state]} {found.what:<14}{one_line(found.said)}")
        for line in found.mend:
            print(f"      {line}")
    return int(missing)
