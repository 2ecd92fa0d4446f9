"""Text from anywhere, made fit to be shown."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=4096)
def clean(text: str, limit: int = 80) -> str:
    """`text` in one line of at most `limit` characters that every XML parser and font can take.

    Control, formatting and unpaired surrogate characters go, as they would break the file or turn
    the reading direction; a text that is too long keeps its beginning and its end.
    """
    if len(text) > 4 * limit:
        text = text[: 2 * limit] + text[-2 * limit :]
    kept = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join("".join(kept).split())
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 1]}…{line[-tail:]}"


def with_article(name: str) -> str:
    """A name behind its indefinite article, by its first letter: "a dict", "an ndarray"."""
    return f"{'an' if name[:1] in tuple('aeiouAEIOU') else 'a'} {name}"
