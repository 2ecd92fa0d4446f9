"""Opens JupyterLab: `make lab` on the learner's copy in work/, `make desk` on formgrader in the course root.

Usage: python tools/lab.py {lab,desk} [arguments of jupyter lab]
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "release"
WORK = ROOT / "work"
DESK = """\
formgrader opens, on the address below; with /lab instead of /formgrader it is JupyterLab, on the masters.
"draft" means there: not in nbgrader's exchange. Learners get release/ from you, so all lessons stay drafts.
"The exchange directory does not exist" turns its Release and Collect off: you have release/ and submitted/.
All answers to a written question, on one page without names: python -m autograder mark
"""
# What a release is made of; a newer file here makes it stale.
MADE_FROM = (
    "notebooks",
    "src",
    "autograder",
    "binder",
    "course.toml",
    "pyproject.toml",
    "constraints.txt",
    "environment.yml",
)


def files_below(path: Path) -> Iterator[Path]:
    """Every file below `path`, or `path` itself; nothing that Python or Jupyter keep for themselves."""
    if path.is_file():
        yield path
    for found in sorted(path.rglob("*")):
        if found.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(found.parts):
            yield found


def is_stale(release: Path, root: Path) -> bool:
    """Whether `release` is missing or older than anything it is made from."""
    stamp = release / "README.md"
    if not stamp.is_file():
        return True
    made = stamp.stat().st_mtime
    return any(file.stat().st_mtime > made for name in MADE_FROM for file in files_below(root / name))


def lay_out(release: Path, work: Path) -> tuple[list[Path], list[Path]]:
    """Copies to `work` what is not there yet. Returns what was copied, and what was kept though it differs.

    A learner's file is never overwritten, whatever the release holds.
    """
    copied, kept = [], []
    for source in files_below(release):
        name = source.relative_to(release)
        target = work / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            copied.append(name)
        elif not filecmp.cmp(source, target, shallow=False):
            kept.append(name)
    return copied, kept


def first(path: Path, variable: str) -> str:
    """The search path in an environment variable, with `path` before all others."""
    return os.pathsep.join([str(path), *filter(None, [os.environ.get(variable)])])


def open_jupyterlab(folder: Path, arguments: list[str], release: Path | None = None) -> int:
    """Runs JupyterLab in `folder`, or as those do who got `release`, until it is stopped.

    Returns its exit status.
    """
    command = [sys.executable, "-m", "jupyter", "lab", *arguments]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Jupyter refuses to run as root, which is all that many containers have.
        command.append("--allow-root")
    # Programs of this environment, such as nbgrader's alembic, are looked up on the PATH.
    env = {**os.environ, "PATH": first(Path(sys.executable).parent, "PATH")}
    if release:
        env["JUPYTER_CONFIG_PATH"] = first(release / "jupyter", "JUPYTER_CONFIG_PATH")
        env["PYTHONPATH"] = first(release / "src", "PYTHONPATH")  # whose checks give this course's points
    try:
        return subprocess.run(command, cwd=folder, env=env).returncode
    except KeyboardInterrupt:  # Ctrl-C reaches JupyterLab as well, which has said what there is to say
        return 0


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in ("lab", "desk"):
        print(__doc__, file=sys.stderr)
        return 2
    if arguments[0] == "desk":
        print(DESK, flush=True)
        return open_jupyterlab(ROOT, ["--LabApp.default_url=/formgrader", *arguments[1:]])
    if is_stale(RELEASE, ROOT):
        made = subprocess.run([sys.executable, "-m", "autograder", "release"], cwd=ROOT)
        if made.returncode:
            return made.returncode
    copied, kept = lay_out(RELEASE, WORK)
    if copied:
        print(f"Copied {len(copied)} files to {WORK.name}/.")
    if notebooks := [str(name) for name in kept if name.suffix == ".ipynb"]:
        print(f"Kept in {WORK.name}/ as you left them: {', '.join(notebooks)}.")
    return open_jupyterlab(WORK, arguments[1:], release=RELEASE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
