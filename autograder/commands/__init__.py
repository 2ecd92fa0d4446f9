"""The commands of `python -m autograder`, a module a room of them. What they share is here.

Each imports what it needs when it runs: half of them need no PyTorch, and all can say `--help` at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

OURS = "This is a mistake of the grader, not of yours or of a learner's. Please report it with these lines:"


class MistakeError(Exception):
    """The command cannot do what was asked; its text is the one line that says why."""


def course_root() -> Path:
    """The working directory.

    Raises:
        MistakeError: it is no course root.
    """
    root = Path.cwd()
    if not (root / "nbgrader_config.py").is_file():
        raise MistakeError(f"{root} is no course root (it has no nbgrader_config.py): change into it")
    return root


def complete_assignment(_context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    """The assignments that begin so, for a shell that completes words."""
    return sorted(path.name for path in Path("notebooks").glob("*/") if path.name.startswith(begun))


def one_line(text: str) -> str:
    """Text that may hold names from outside, as one line for a terminal."""
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def print_sections(sections: Iterable[tuple[str, list[str]]]) -> None:
    """Print titles, and below each its lines."""
    for title, lines in sections:
        print(one_line(title))
        for line in lines:
            print(f"  {one_line(line)}")


def warn(note: str) -> None:
    """Say on stderr what did not stop a command."""
    print(f"warning: {one_line(note)}", file=sys.stderr)
