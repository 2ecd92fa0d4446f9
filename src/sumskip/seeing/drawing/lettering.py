"""How wide a text will be, so that boxes can be drawn around it without a font at hand.

A picture in an `<img>` uses the reader's own fonts. The widths are those of DejaVu Sans, which
Verdana shares nearly to the pixel; both are wider than Arial and Helvetica, so a text measured here
fits wherever it is shown. Measuring loads nothing: the table is the font's, in thousandths of an em.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

FONTS = "'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif"

_REGULAR = (
    "318 401 460 838 636 950 780 275 390 390 500 838 318 361 318 337 636 636 636 636 636 636 636 636 "
    "636 636 337 337 838 838 838 531 1000 684 686 698 770 632 575 775 752 295 295 656 557 863 748 787 "
    "603 787 695 635 611 732 684 989 685 611 685 390 337 390 838 500 500 613 635 550 635 615 352 635 "
    "634 278 278 579 278 974 634 612 635 635 411 521 392 634 592 818 592 592 525 636 337 636 838"
)
_BOLD = (
    "348 456 521 838 696 1002 872 306 457 457 523 838 380 415 380 365 696 696 696 696 696 696 696 696 "
    "696 696 400 400 838 838 838 580 1000 774 762 734 830 683 683 821 837 372 372 775 637 995 837 850 "
    "733 850 770 720 682 812 774 1103 771 724 725 457 365 457 838 500 500 675 716 593 716 678 435 716 "
    "712 343 343 665 343 1042 712 687 716 716 493 595 478 712 652 924 645 652 582 712 365 712 838"
)
_TABLES = {False: [int(w) for w in _REGULAR.split()], True: [int(w) for w in _BOLD.split()]}
_SIGNS = {**dict.fromkeys("×−÷→←≠≥≤", 838), "·": 380, "…": 1000, "–": 500, "—": 1000}
_UNKNOWN, _WIDE = 800, 1100  # cautious: most letters are narrower, East Asian ones and emoji are not


@lru_cache(maxsize=4096)
def width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in pixels at font size `size`."""
    table = _TABLES[bold]
    total = 0
    for c in text:
        code = ord(c)
        if 32 <= code < 127:
            total += table[code - 32]
        elif c in _SIGNS:
            total += _SIGNS[c]
        elif unicodedata.combining(c):
            continue
        else:
            wide = unicodedata.east_asian_width(c) in "WF" or unicodedata.category(c) == "So"
            total += _WIDE if wide else _UNKNOWN
    return total * size / 1000


def fit(text: str, size: float, room: float, bold: bool = False) -> str:
    """`text`, its middle replaced by `…` where it is wider than `room`."""
    if width(text, size, bold) <= room:
        return text
    keep = len(text) - 1
    while keep > 1:
        head = (keep * 2 + 2) // 3
        short = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if width(short, size, bold) <= room:
            return short
        keep -= 1
    return "…"


def fit_title(text: str, size: float, room: float) -> str:
    """`name · class` in bold; where it is too wide the end of the class goes, and the name stays whole."""
    name, dot, kind = text.partition(" · ")
    if width(text, size, bold=True) <= room or not dot:
        return fit(text, size, room, bold=True)
    for keep in range(len(kind) - 1, 2, -1):
        short = f"{name} · {kind[:keep]}…"
        if width(short, size, bold=True) <= room:
            return short
    return fit(name, size, room, bold=True)


def fit_call(text: str, size: float, room: float) -> str:
    """`MaxPool2d(3, stride=2, …)`: too wide, it loses its first setting's name, then the last settings."""
    if width(text, size) <= room or not text.endswith(")"):
        return fit(text, size, room)
    name, _, inside = text[:-1].partition("(")
    settings = _settings(inside)
    settings[0] = re.sub(r"^\w+=", "", settings[0])
    whole = f"{name}({', '.join(settings)})"
    if width(whole, size) <= room and "…" not in inside:
        return whole
    while settings:
        if "…" not in settings[-1]:
            short = f"{name}({', '.join(settings)}, …)"
            if width(short, size) <= room:
                return short
        settings.pop()
    return f"{name}(…)" if width(f"{name}(…)", size) <= room else fit(name, size, room)


def _settings(inside: str) -> list[str]:
    """The settings of a call, divided at the commas that are not in brackets."""
    found, depth = [""], 0
    for letter in inside:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [setting.strip() for setting in found]


def wrap(text: str, size: float, room: float, lines: int = 20, bold: bool = False) -> list[str]:
    """`text` broken between words into at most `lines` lines of at most `room` pixels."""
    done: list[str] = []
    line = ""
    words = text.split()
    for place, word in enumerate(words):
        longer = f"{line} {word}" if line else word
        if not line or width(longer, size, bold) <= room:
            line = longer
            continue
        if len(done) == lines - 1:
            line = " ".join([line, *words[place:]])
            break
        done.append(line)
        line = word
    if line:
        done.append(line)
    return [fit(line, size, room, bold) for line in done]
