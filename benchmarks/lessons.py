"""Time and peak memory of each lesson, run whole in a fresh process, imports included.

    python benchmarks/lessons.py            all four lessons
    python benchmarks/lessons.py 02_explicit_addition

The goal is what a free Binder machine serves: under 20 s on 2 cores, 90 s for the lesson that trains deep
networks, and under 1 GB. `busy` is the processor's time: much less than `seconds` means that something else
kept this machine busy. The exit status is 1 where a lesson misses the goal or a cell fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS, TRAINING = 20.0, {"04_residual_networks": 90.0}
MEGABYTES = 1000.0


def run_cells(path: Path) -> None:
    """Run every code cell in an IPython shell, as a kernel does; raise where one fails."""
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source, store_history=True).raise_error()


def measure(path: Path) -> tuple[float, float, float, int]:
    """Seconds, processor seconds, peak memory in MB and exit status of one lesson in its own process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, "--cells", str(path)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, else in kB
    busy = usage.ru_utime + usage.ru_stime
    return seconds, busy, usage.ru_maxrss * unit / 1e6, os.waitstatus_to_exitcode(status)


def main(chosen: list[str]) -> int:
    missed = False
    print(f"{'lesson':24} {'seconds':>8} {'busy':>6} {'MB':>6}")
    for path in sorted(ROOT.glob("notebooks/*/*.ipynb")):
        if chosen and path.stem not in chosen:
            continue
        seconds, busy, megabytes, status = measure(path)
        remarks = ["a cell failed"] if status else []
        most = TRAINING.get(path.stem, SECONDS)
        remarks += [f"over {most:.0f} s"] if seconds > most else []
        remarks += [f"over {MEGABYTES:.0f} MB"] if megabytes > MEGABYTES else []
        print(f"{path.stem:24} {seconds:8.1f} {busy:6.1f} {megabytes:6.0f}   {', '.join(remarks)}")
        missed |= bool(remarks)
    return int(missed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--cells"]:
        run_cells(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
