"""`release` and `keys`: what is made from the masters and the exercises."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.commands import MistakeError


@click.command()
@click.option(
    "--binder",
    metavar="OWNER/REPO",
    help="Add what opens the lessons of this public repository on Binder and in Colab.",
)
def release(binder: str | None) -> None:
    """Make release/, what learners get, from the masters."""
    from autograder.release import ReleaseError
    from autograder.release import release as make_release

    try:
        path = make_release(Path.cwd(), binder=binder)
    except ReleaseError as error:
        raise MistakeError(str(error)) from error
    print(f"The release is in {path}")


@click.command()
@click.argument("names", nargs=-1, metavar="[EXERCISE]...")
@click.option("--check", is_flag=True, help="Write nothing; say which are out of date. Status 1 if any.")
def keys(names: tuple[str, ...], check: bool) -> int:
    """Bring public answer keys up to date.

    Those of all exercises, or of these alone. A key that would differ by rounding alone is left as it is. A
    badly made exercise is refused, in one line, before anything is written.
    """
    from autograder.exercises.soundness import BadExerciseError
    from autograder.keys import public

    try:
        stale = public.changed_public_keys(public.PUBLIC_KEYS, names) if check else {}
        said = [] if check else public.write_public_keys(public.PUBLIC_KEYS, names)
    except BadExerciseError as error:
        raise MistakeError(f"{error}; no key was written") from error
    for line in said:
        print(line)
    if check:
        print(f"stale: {', '.join(stale)}; run python -m autograder keys" if stale else "none is stale")
    return int(bool(stale))
