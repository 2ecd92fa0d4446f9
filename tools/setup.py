"""Sets up .venv with everything the course needs: `make setup`, or `python tools/setup.py`.

It uses the standard library alone, because it runs before anything is installed. What is finished is
written to .venv/.ready at the very end, so that a set-up that was interrupted never looks finished: the
next one starts from an empty .venv.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / ".ready"
BEGUN = VENV / ".begun"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
INPUTS = ("pyproject.toml", "constraints.txt", "tools/setup.py")
EXTRAS = "instructor,book,test,dev"

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CPU_INDEX_SECONDS = 5.0

# Packages, and the programs of which one shows that it is there. Lessons need none: the grader walls
# learners' code in with the first, tests drive the second and keep a gradebook in the third.
SYSTEM_PACKAGES = {
    "bubblewrap": ("bwrap",),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "postgresql": ("postgres", "pg_ctlcluster"),  # Debian has the server itself on no path
}


def say(text: str) -> None:
    print(f"[set-up] {text}", flush=True)


def digest() -> str:
    """Changes when what is to be installed changes."""
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in INPUTS)).hexdigest()


def is_ready() -> bool:
    return PYTHON.exists() and READY.is_file() and READY.read_text(encoding="utf-8") == digest()


def install_system_packages() -> None:
    """bubblewrap and Chromium: installed where we may, otherwise the command is printed.

    Nothing here stops the set-up; without them the tests that need them are skipped with the reason.
    """
    if not sys.platform.startswith("linux"):
        return
    missing = [name for name, programs in SYSTEM_PACKAGES.items() if not any(map(shutil.which, programs))]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    debian_like = shutil.which("apt-get") is not None
    if debian_like and os.geteuid() == 0:
        say(f"Installing {', '.join(missing)} with apt-get.")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        lock = ["-o", "DPkg::Lock::Timeout=120"]
        for step in (["apt-get", "update"], command[:1] + lock + command[1:]):
            if subprocess.run(step, env=quiet, stdin=subprocess.DEVNULL).returncode:
                say(f"`{' '.join(step)}` failed; going on without {', '.join(missing)}.")
                return
    elif debian_like:
        say(f"For the grader's sandbox and the tests: sudo {' '.join(command)}")
    else:
        say(f"For the grader's sandbox and the tests, install: {' '.join(missing)}")


def make_venv() -> None:
    """An empty .venv with pip. An unfinished or foreign one is cleared first."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if VENV.exists():
        config = VENV / "pyvenv.cfg"
        same = config.is_file() and re.search(
            rf"^version(_info)? *= *{re.escape(version)}\b", config.read_text(encoding="utf-8"), re.MULTILINE
        )
        if BEGUN.exists() or not same or not PYTHON.exists():
            say("Clearing .venv: its set-up was interrupted, or made with another Python.")
            shutil.rmtree(VENV)
    VENV.mkdir(exist_ok=True)
    READY.unlink(missing_ok=True)
    BEGUN.touch()
    if find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", str(VENV))
    else:  # Debian keeps ensurepip in a package of its own; our pip can install its like into .venv
        run(sys.executable, "-m", "venv", "--without-pip", str(VENV))
        run(sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip")


def pin_of(package: str) -> str:
    """The version of `package` in constraints.txt."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}==(\S+)$", text, re.MULTILINE)
    if not found:
        sys.exit(f"constraints.txt has no line '{package}==…'; write it again with tools/constraints.py.")
    return found[1]


def answers(url: str, seconds: float) -> bool:
    """Whether `url` answers within `seconds`, name resolution and proxies included."""
    answered = threading.Event()

    def ask() -> None:
        with suppress(OSError, ValueError), urlopen(url, timeout=seconds) as reply:
            if reply.status == 200:
                answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def installed_torch() -> str:
    """The version of PyTorch in .venv, with its label (`2.13.0+cpu`), or an empty string."""
    script = "from importlib.metadata import version; print(version('torch'))"
    found = subprocess.run([str(PYTHON), "-c", script], capture_output=True, text=True)
    return found.stdout.strip()


def install_cpu_torch() -> None:
    """On Linux, take PyTorch without its 4 GB of CUDA libraries where the CPU index can be reached.

    Elsewhere, and where the index does not answer, the ordinary install that follows brings PyTorch.
    """
    pin = pin_of("torch")
    if not sys.platform.startswith("linux") or installed_torch().split("+")[0] == pin:
        return
    if not answers(f"{CPU_INDEX}/torch/", CPU_INDEX_SECONDS):
        say(f"PyTorch's CPU index does not answer; taking torch=={pin} from the default index.")
        return
    say(f"Taking the CPU build of torch=={pin} from {CPU_INDEX}.")
    # Without dependencies: those come with the rest, in our versions, from the default index.
    if pip("install", "--no-deps", "--index-url", CPU_INDEX, f"torch=={pin}", check=False):
        say(f"That failed; taking torch=={pin} from the default index.")


def install_command() -> None:
    """`autograder` beside the interpreter: `python -m autograder` as one word, which shells complete."""
    if os.name != "nt":
        script = PYTHON.with_name("autograder")
        script.write_text(
            f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} -m autograder "$@"\n', encoding="utf-8"
        )
        script.chmod(0o755)


def run(*command: str, check: bool = True) -> int:
    status = subprocess.run(command, cwd=ROOT).returncode
    if status and check:
        say(f"failed: {' '.join(command)}")
        say("Nothing is set up yet. Mend what the lines above name, then run it again.")
        sys.exit(1)
    return status


def pip(*arguments: str, check: bool = True) -> int:
    return run(str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments, check=check)


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked the version before us
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Python 3.11 or newer is needed, this is {found}. Name one: make setup PYTHON=python3.12")
    install_system_packages()
    if is_ready():
        os.utime(READY)  # make compares times; the digest has just said that nothing changed
        say("Everything is in place.")
        return
    make_venv()
    install_cpu_torch()
    pip("install", "--constraint", "constraints.txt", "--editable", f".[{EXTRAS}]")
    install_command()
    # As pip does with what it installs: no command has to compile us first, where Python may not write here.
    run(str(PYTHON), "-m", "compileall", "-q", "src", "autograder", "tests")
    BEGUN.unlink()
    READY.write_text(digest(), encoding="utf-8")
    say(f"Done, with PyTorch {installed_torch()}. Next: make lab, or make help.")


if __name__ == "__main__":
    main()
