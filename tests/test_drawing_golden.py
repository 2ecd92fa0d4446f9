"""The pictures of eight traces, byte for byte.

After a change that is meant to be seen, `python tests/test_drawing_golden.py` writes them anew; look at
each before committing it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sumskip import Trace

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def recorded(name: str) -> Trace:
    return Trace.from_dict(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_the_golden_one(name: str) -> None:
    """A picture changes only where somebody meant it to."""
    assert recorded(name).to_svg() == (GOLDEN / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_two_processes_draw_the_same_bytes() -> None:
    """Neither hash seeds nor anything else of a process finds its way into SVG, PNG or text."""
    program = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
        "from test_drawing_golden import NAMES, recorded\n"
        "from sumskip.seeing.compare import Comparison\n"
        "three = Comparison(tuple(map(recorded, ['sequential', 'addition', 'weighted'])))\n"
        "for trace in [*map(recorded, NAMES), three]:\n"
        "    for made in (trace.to_svg().encode(), trace.to_png(scale=1), trace.to_text().encode()):\n"
        "        print(hashlib.sha256(made).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == 3 * (len(NAMES) + 1)


if __name__ == "__main__":
    for name in NAMES:
        (GOLDEN / f"{name}.svg").write_text(recorded(name).to_svg(), encoding="utf-8")
