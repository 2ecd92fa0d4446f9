"""`python -m autograder COMMAND`: what an instructor types in the course root."""

from __future__ import annotations

import codecs
import io
import os
import sys
import traceback
from collections.abc import Sequence

import click

from autograder.commands import (
    OURS,
    MistakeError,
    demo,
    doctor,
    grading,
    lms,
    making,
    marking,
    one_line,
    report,
)

COMPLETE = "_AUTOGRADER_COMPLETE"  # by this variable, a shell asks how a word goes on

# What stands for a sign that a terminal or a pipe cannot show; for any other, a question mark does.
_SIGNS = {"✓": "+", "✗": "-", "…": "...", "×": "x", "’": "'", "–": "-"}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """The error handler of our output: an encoding without a sign costs the sign, never the run."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign, "?") for sign in signs), error.end


codecs.register_error("plainly", _plainly)


class _InOrder(click.Group):
    """Lists its commands in the order of a term, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Teach with Sum & Skip: release the lessons, grade what comes back. Run it in the course root.

    \b
    A week of a term:
      python -m autograder release           what learners get, in release/
      python -m autograder collect ZIP       put what your LMS hands out into submitted/
      python -m autograder grade 1           grade submitted/LEARNER/01_sequential_flow/
      python -m autograder mark              mark the written answers, all on one page
      python -m autograder report            what the class shows, in report.html
      python -m autograder export, return    marks and feedback pages, back to your LMS
      make desk                              see everything in formgrader

    An ASSIGNMENT is its name, the start of it, or its number: 1 is 01_sequential_flow.
    """


for command in (
    *(doctor.doctor, demo.demo, making.release, lms.collect, grading.check, grading.grade, marking.mark),
    *(report.report, lms.export, lms.give_back, making.keys, lms.forget),
):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 2: it could not be done, one line says why; 1: a mistake of ours."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="plainly")  # stderr never fails: Python sees to that
    # Threads of our own are one a submission; more inside each only get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in given if word in commands.commands), "")
    called = "autograder" if COMPLETE in os.environ else "python -m autograder"
    try:
        status = commands.main(given, called, complete_var=COMPLETE, standalone_mode=False)
    except click.ClickException as error:  # not a command, or not as it is called
        error.show()
        return error.exit_code
    except MistakeError as error:
        print(f"autograder {name}: {one_line(str(error))}", file=sys.stderr)
        return 2
    except click.Abort:  # what click makes of Ctrl-C
        print(f"\nautograder {name}: stopped; run it again to go on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception:
        print(f"{OURS}\n{traceback.format_exc()}", file=sys.stderr)
        return 1
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
