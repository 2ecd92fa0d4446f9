"""Writes constraints.txt: the versions in this environment of everything pyproject.toml leads to.

    .venv/bin/python tools/constraints.py > constraints.txt

Run it after the tests have passed on an environment with newer versions; the file then says what was
tested. Local version labels are dropped (`2.13.0+cpu` is written `2.13.0`), so that every build of
PyTorch satisfies its pin.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def normal(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements: list[str], own: str) -> dict[str, str]:
    """Everything that `requirements` lead to in this environment: name -> version."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(Requirement(text), "") for text in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = normal(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) in seen or name == own:
                continue
            seen.add((name, wanted))
            try:
                found = distribution(name)
            except PackageNotFoundError:
                sys.exit(f"{name} is required but not installed here; install it and run this again.")
            versions[name] = Version(found.version).public
            todo += [(Requirement(text), wanted) for text in found.requires or ()]
    return versions


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    print("# The versions that the tests passed with; written by tools/constraints.py. Packages that only")
    print("# macOS or Windows need are not listed and come in the version their dependents ask for.")
    for name, version in sorted(closure(wanted, normal(project["name"])).items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
