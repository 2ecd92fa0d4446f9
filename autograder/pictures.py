"""The pictures that a lesson's text shows, which travel with it; nothing else beside a master does."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}

_SHOWN = re.compile(
    r"""!\[[^\]]*\]\(\s*<?(?P<markdown>[^)\s>]+)"""  # ![what it shows](pictures/chain.png "title")
    r"""|<img\b[^>]*?\bsrc\s*=\s*["'](?P<html>[^"']+)["']""",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|/|#", re.IGNORECASE)  # https:, data:, attachment:, /…


def shown_by(master: Path) -> list[str]:
    """The files that the text cells of the notebook at `master` show, as paths from its folder."""
    cells = json.loads(master.read_bytes())["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    found = [match["markdown"] or match["html"] for text in texts for match in _SHOWN.finditer(text)]
    return list(dict.fromkeys(unquote(path) for path in found if not _ELSEWHERE.match(path)))


def copy(master: Path, into: Path) -> None:
    """Copy what the lesson shows from beside `master` to the same place below `into`.

    Raises:
        FileNotFoundError: it shows what is not there, or no picture in its own folder.
    """
    folder = master.parent.resolve()
    for shown in shown_by(master):
        picture = (folder / shown).resolve()
        if not picture.is_relative_to(folder) or picture.suffix.lower() not in SUFFIXES:
            raise FileNotFoundError(
                f"{master.name} shows {shown}: expected a picture ({', '.join(sorted(SUFFIXES))}) in "
                f"{master.parent.name}/ or below, so that it travels with the lesson"
            )
        if not picture.is_file():
            raise FileNotFoundError(
                f"{master.name} shows {shown}, which is not there; add it, or take the reference out"
            )
        target = into / picture.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target)
