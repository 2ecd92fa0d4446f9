"""Names of assignments and learners as people type them."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from unicodedata import combining, normalize


def did_you_mean(name: str, names: Collection[str]) -> str:
    """The sentence that offers the names nearest to one that does not exist; empty where none is near."""
    nearest = [printable(one) for one in near(name, names)]
    return f"did you mean {' or '.join(nearest)}?" if nearest else ""


def near(name: str, names: Collection[str]) -> list[str]:
    """At most three of `names` that are written like `name`, or hold it, or a word of them, nearest first."""
    by_plain = {plain(one): one for one in names}
    words = {plain(word).lstrip("0"): one for one in names for word in re.split(r"[\W_]+", one)}
    wanted = plain(name)
    parts = [one for one in by_plain if len(wanted) > 1 and (wanted in one or one in wanted)]
    matches = get_close_matches(wanted, by_plain, cutoff=0.65)
    some = get_close_matches(wanted.lstrip("0"), words, cutoff=0.8)
    found = [*(by_plain[one] for one in (*parts, *matches)), *(words[one] for one in some)]
    return list(dict.fromkeys(found))[:3]


def plain(name: str) -> str:
    """Letters and figures alone, without accents and capitals."""
    letters = (sign for sign in normalize("NFKD", name) if not combining(sign))
    return "".join(sign for sign in letters if sign.isalnum()).casefold()


def printable(name: str) -> str:
    """A name from outside, fit for a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in name)
