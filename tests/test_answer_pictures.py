"""Pictures of a written answer reach the marker, drawn anew behind the walls, bounded; nothing else does."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from PIL import Image

from autograder.engine.folder import files_beside
from autograder.engine.inside.notebook import read_outline
from autograder.engine.inside.pictures import LONGEST, MOST, Gathered, PictureError, drawn_anew
from autograder.engine.intake import read_here
from autograder.engine.run import Engine
from autograder.engine.sandbox import ChildLostError
from autograder.engine.written import attachments
from autograder.gradebook.page_cells import clean_cells
from autograder.gradebook.page_html import MOST_PICTURE, markdown2html
from sumskip.checking.core import Array


def encoded(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(file, kind, **more)
    return file.getvalue()


def claimed(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says it is large."""
    header = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND")
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
HTML = b"<script>alert(1)</script>"
FILM = {"save_all": True, "append_images": [Image.new("RGB", (40, 30), "blue")]}
TURNED = Image.Exif()
TURNED[0x0112] = 6  # a telephone held upright

DRAWN = {
    "PNG": (encoded("PNG"), (30, 40)),
    "JPEG": (encoded("JPEG"), (30, 40)),
    "GIF": (encoded("GIF"), (30, 40)),
    "WebP": (encoded("WEBP"), (30, 40)),
    "a moving PNG": (encoded("PNG", **FILM), (30, 40)),
    "a moving GIF": (encoded("GIF", **FILM), (30, 40)),
    "without colours": (encoded("PNG", mode="1"), (30, 40)),
    "for printers": (encoded("JPEG", mode="CMYK"), (30, 40)),
    "a photograph": (encoded("JPEG", (4_000, 3_000)), (750, 1_000)),
    "held upright": (encoded("JPEG", (4_000, 3_000), exif=TURNED), (1_000, 750)),
}
REFUSED = {
    "SVG": SVG,
    "HTML": HTML,
    "nothing": b"",
    "a TIFF": encoded("TIFF"),
    "a BMP": encoded("BMP"),
    "an icon": encoded("ICO"),
    "a PDF": encoded("PDF"),
    "a bomb": claimed(100_000, 100_000),
    "a wide bomb": claimed(1, 2_000_000_000),
    "a picture that breaks off": encoded("PNG", (900, 900))[:300],
    "thousands of passes": encoded("JPEG") + b"\xff\xda" * 9_000,
}


@pytest.mark.parametrize(("content", "shape"), DRAWN.values(), ids=DRAWN)
def test_a_picture_is_drawn_anew_upright_and_small(content: bytes, shape: tuple[int, int]) -> None:
    """The first frame as numbers: (H, W, 3)."""
    drawn = drawn_anew(content)
    assert (drawn.shape, drawn.dtype) == ((*shape, 3), np.uint8)


def test_what_is_transparent_lies_on_white() -> None:
    assert drawn_anew(encoded("PNG", mode="RGBA")).min() == 255


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_that_is_shown_is_refused_in_a_few_words(content: bytes) -> None:
    with pytest.raises(PictureError) as caught:
        drawn_anew(content)
    assert len(str(caught.value)) < 80


DATA = "data:image/png;base64," + base64.b64encode(encoded("PNG")).decode()
SHOWN = "attachment:picture-1"
# What a text says, and what is left of it where photo (1).png and "bild ä.jpg" lie beside.
TEXTS = {
    "![a](photo (1).png)": f"![a]({SHOWN})",
    "![a](photo%20%281%29.png)": f"![a]({SHOWN})",
    '![a](./photo%20(1).png "a title")': f'![a]({SHOWN} "a title")',
    "![a](<photo (1).png>)": f"![a](<{SHOWN}>)",
    "![a](pictures/photo%20%281%29.png)": f"![a]({SHOWN})",
    "![a](../../etc/photo%20%281%29.png)": f"![a]({SHOWN})",
    '<img width=9 src="photo (1).png" alt="a">': f"![a]({SHOWN})",
    "![a](bild ä.jpg)": f"![a]({SHOWN})",
    "![a](attachment:image.png)": f"![a]({SHOWN})",
    f"![a]({DATA})": f"![a]({SHOWN})",
    f'<img src="{DATA}">': f"![]({SHOWN})",
    f"![a][1]\n\n[1]: {DATA}": f"![a][1]\n\n[1]: {SHOWN}",
    f"![a][1]\n\n[1]: <{DATA}>": f"![a][1]\n\n[1]: <{SHOWN}>",
    "![a](pictures\\PHOTO (1).PNG 'a title')": f"![a]({SHOWN} 'a title')",
    "![a](C:\\Users\\ana\\photo (1).png)": f"![a]({SHOWN})",
    "![a](my pictures/bild a\u0308.jpg)": f"![a]({SHOWN})",
    "![a](bild%20a%CC%88.jpg)": f"![a]({SHOWN})",
    "<IMG SRC=bild%20%C3%A4.jpg>": f"![]({SHOWN})",
    "![a][1]\n\n[1]: <photo (1).png>": f"![a][1]\n\n[1]: <{SHOWN}>",
    "![x](data.csv) ![a](photo (1).png)": f"![x](data.csv) ![a]({SHOWN})",
    "see photo (1).png": f"see photo (1).png\n\n![photo  1 .png]({SHOWN})",
    "[a](Photo (1).png)": f"[a](Photo (1).png)\n\n![photo  1 .png]({SHOWN})",
    "![a](missing.png)": "![a](missing.png)",
    "![a](/etc/passwd)": "![a](/etc/passwd)",
    "![a](https://other.example/x.png)": "![a](https://other.example/x.png)",
}


@pytest.mark.parametrize(("typed", "expected"), TEXTS.items(), ids=[text[:40] for text in TEXTS])
def test_a_text_names_its_pictures_as_we_do(typed: str, expected: str) -> None:
    """Attached, in the text itself, or beside: by name alone, whatever the folder."""
    gathered = Gathered({"photo (1).png": b"1", "bild ä.jpg": b"2"})
    attached = {"image.png": {"image/png": "QUFB"}} if "attachment" in typed else {}
    made = gathered.text(typed, attached)
    assert made.startswith(expected)
    assert len(gathered.found) == made.count(SHOWN)


def test_what_lies_beside_and_is_not_mentioned_is_shown_at_the_end() -> None:
    """Somebody has written by hand and taken a photograph; where all is mentioned, nothing is added."""
    beside = {"a.png": b"1", "b.png": b"2", "same as a.png": b"1"}
    gathered = Gathered(beside)
    outline = read_outline(notebook(markdown("![x](a.png)")), gathered)
    assert [cell.source for cell in outline.cells] == [
        f"![x]({SHOWN})",
        "*These pictures lay beside the notebook:*\n\n![b.png](attachment:picture-2)",
    ]
    assert gathered.found == {"picture-1": b"1", "picture-2": b"2"}
    assert len(read_outline(notebook(markdown("![x](a.png) b.png")), Gathered(beside)).cells) == 1


def test_pictures_in_a_folder_lie_beside(tmp_path: Path) -> None:
    """Pictures alone are taken from there; a folder that holds nothing else is not called dropped."""
    for name in ("img/a.png", "img/b.JPG", "more/a.png", "more/c.png", "more/data.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    warnings: list[str] = []
    assert files_beside(tmp_path, warnings) == {
        "a.png": b"img/a.png",
        "b.JPG": b"img/b.JPG",
        "c.png": b"more/c.png",
    }
    assert warnings == [
        "dropped more: of a folder, only a notebook and pictures are taken",
        "dropped a.png: another file has its name",
    ]


def test_what_is_attached_and_not_mentioned_is_shown_below() -> None:
    gathered = Gathered()
    made = gathered.text(
        "Because.", {"a [b].png": {"image/png": ["QU", "FB"]}, "x": 5, "y": {"text/html": "z"}}
    )
    assert made.startswith(f"Because.\n\n![a  b .png]({SHOWN})")
    assert gathered.found["picture-1"] == b"AAA"


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode()


def test_a_picture_in_the_text_does_not_make_it_too_long() -> None:
    """Colab writes pictures into the text: some megabytes, which no text may have."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    text = f"![a](data:image/png;base64,{base64.b64encode(file.getvalue()).decode()})"
    assert len(text) > 1_000_000
    assert read_outline(notebook(markdown(text))).cells[0].source == f"![a]({SHOWN})"


def test_so_many_pictures_are_kept_and_nbgraders_come_first() -> None:
    """An answer's picture has room, whatever the notes before it show."""
    cells = [
        markdown(f"![a](data:image/png;base64,{base64.b64encode(bytes([n])).decode()})") for n in range(30)
    ]
    cells.append(cells[0] | {"source": cells[0]["source"].replace("AA==", "QUJD")})
    cells[-1]["metadata"] = {"nbgrader": {"grade_id": "essay"}}
    gathered = Gathered()
    outline = read_outline(notebook(*cells), gathered)
    assert len(gathered.found) == MOST
    assert gathered.found["picture-1"] == b"ABC"
    assert outline.cells[-1].source == f"![a]({SHOWN})"


def test_without_walls_to_decode_in_pictures_are_left_out_and_it_is_said() -> None:
    """Plain nbgrader opens a notebook itself; it opens no picture."""
    outline = read_here(notebook(markdown(f"![a]({DATA})")), {})
    assert not outline.pictures
    assert "left out: pictures are shown by `python -m autograder grade` alone" in outline.cells[0].source


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


@pytest.mark.sandbox
def test_pictures_are_decoded_behind_the_walls(engine: Engine, tmp_path: Path) -> None:
    """Good ones come out as numbers, bad ones as a reason; this process decodes none of them."""
    (tmp_path / "photo.jpg").write_bytes(encoded("JPEG", (3_000, 2_000)))
    (tmp_path / "drawing.svg").write_bytes(SVG)
    (tmp_path / "secret.png").symlink_to("/etc/passwd")
    (tmp_path / "fake.png").write_bytes(HTML)
    warnings: list[str] = []
    beside = files_beside(tmp_path, warnings)
    assert [line.split(":")[0] for line in warnings] == ["dropped drawing.svg", "dropped secret.png"]
    names = ("photo.jpg", "drawing.svg", "secret.png", "fake.png", "/etc/passwd", "../photo.jpg")
    bomb = base64.b64encode(claimed(60_000, 60_000)).decode()
    text = " ".join(f"![{name}]({name})" for name in names) + " ![bomb](attachment:b.png)"
    attached = {"b.png": {"image/png": bomb}}
    with mock.patch.object(Image, "open", side_effect=AssertionError("decoded outside the walls")):
        outline = engine.read(notebook(markdown(text, attachments=attached)), beside)
    source = outline.cells[0].source
    assert [picture.shape for picture in outline.pictures.values()] == [(667, 1_000, 3)]
    for kept in ("![drawing.svg](drawing.svg)", "![secret.png](secret.png)", "![/etc/passwd](/etc/passwd)"):
        assert kept in source
    assert "![fake.png](left out: it is no PNG, JPEG, GIF or WebP that can be read)" in source
    assert "![bomb](left out: it has more than 50 million pixels)" in source


@pytest.mark.sandbox
def test_a_picture_that_ends_its_process_costs_no_text(engine: Engine) -> None:
    """Texts have come out before the first picture is opened."""
    text = " ".join(f"![{n}](data:image/png;base64,{'QUJD' * n})" for n in range(1, 4))
    with mock.patch("autograder.engine.reading._drawn", side_effect=ChildLostError("it was ended")):
        outline = engine.read(notebook(markdown(text)))
    assert outline.cells[0].source.count("(left out: it was ended)") == 3


def noise(side: int = LONGEST) -> Array:
    return np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_what_is_stored_is_bounded_and_shown_once() -> None:
    """The worst picture fits into a page; a drawing is a PNG, a photograph a JPEG."""
    pictures = {"picture-1": noise(), "picture-2": np.zeros((30, 40, 3), np.uint8)}
    stored = attachments("![a](attachment:picture-1) attachment:picture-2 attachment:picture-3", pictures)
    assert [list(bundle) for bundle in stored.values()] == [["image/jpeg"], ["image/png"]]
    assert max(len(data) for bundle in stored.values() for data in bundle.values()) < MOST_PICTURE
    page = markdown2html(
        '![*a*"](attachment:picture-1) ![b](attachment:picture-1) ![c](attachment:picture-9)', None, stored
    )
    shown = BeautifulSoup(page, "html.parser")
    assert [img["alt"] for img in shown("img")] == ['a"', "A picture in this answer"]
    assert "![b](attachment:picture-1) ![c](attachment:picture-9)" in shown.text


def answer(source: str, attached: Any) -> NotebookNode:
    rules = {"grade_id": "essay", "grade": True, "solution": True, "points": 4}
    cell = new_markdown_cell(source, metadata={"nbgrader": rules})
    cell["attachments"] = attached
    return cell


def test_a_page_shows_of_attachments_what_intake_has_stored() -> None:
    """Nothing else that somebody wrote into a graded notebook, and not more than there is room for."""
    good = base64.b64encode(encoded("PNG")).decode()
    odd = {
        "picture-1": {"image/png": good, "text/html": "<script>"},
        "picture-2": {"image/svg+xml": SVG.decode()},
        "picture-3": {"image/png": base64.b64encode(SVG).decode()},
        "picture-4": {"image/png": '"><script>alert(1)</script>'},
        "evil": {"image/png": good},
        "picture-5": [good],
    }
    (cell,) = clean_cells([answer("x", odd)])
    assert cell.attachments == {"picture-1": {"image/png": good}}
    assert "attachments" not in clean_cells([answer("x", "no object")])[0]
    large = attachments("attachment:picture-1", {"picture-1": noise()})
    many = clean_cells([answer("x", large) for _ in range(20)])
    assert 1 < sum("attachments" in cell for cell in many) < 8


def test_a_text_that_is_too_long_to_be_rendered_keeps_its_pictures() -> None:
    stored = {"picture-1": {"image/png": base64.b64encode(encoded("PNG")).decode()}}
    page = markdown2html("![a](attachment:picture-1)" + "x" * 20_000, None, stored)
    assert BeautifulSoup(page, "html.parser").img is not None


def test_an_outline_without_pictures_says_so_in_each_place() -> None:
    outline = read_outline(notebook(markdown(f"![a]({DATA})")))
    assert outline.named_pictures() == ["picture-1"]
    assert "left out: why" in outline.with_pictures({}, lambda _: "why").cells[0].source
