"""`doctor`: what this machine can do for grading."""

from __future__ import annotations

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
    from autograder.doctor import Machine, examine
    from autograder.engine.run import Engine
    from autograder.engine.sandbox import INSTALL, Level, SandboxError

    def walls() -> tuple[Level | None, str]:
        try:
            with Engine() as engine:
                return engine.level, ""
        except SandboxError as error:
            return None, str(error).removesuffix(f": {INSTALL}")

    missing = False
    for found in examine(Machine(walls)):
        missing |= found.state == "missing"
        print(f"  {_SIGNS[found.state]} {found.what:<14}{one_line(found.said)}")
        for line in found.mend:
            print(f"      {line}")
    return int(missing)
