"""`save`: a picture or its words in a file, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sumskip import Trace
from sumskip.seeing.compare import Comparison
from test_drawing import addition, weighted

SHOWN = [addition(), Comparison((addition(), weighted()))]


@pytest.mark.parametrize("shown", SHOWN, ids=["trace", "comparison"])
def test_the_ending_says_what_is_written(tmp_path: Path, shown: Trace | Comparison) -> None:
    """`.svg`, `.png` and `.txt`, in capitals too, as a path or a text; a file that is there is replaced."""
    for name in ("a.svg", "A.SVG", "with.dots.svg"):
        (tmp_path / name).write_text("old")
        shown.save(tmp_path / name)
        assert (tmp_path / name).read_bytes() == shown.to_svg().encode()
    shown.save(str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes() == shown.to_png()
    shown.save(str(tmp_path / "a.txt"))
    assert (tmp_path / "a.txt").read_bytes() == f"{shown.to_text()}\n".encode()
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("name", ["x", "x.", ".svg", "x.pdf", "x.svg.gz", "svg", "x.jpeg", ""])
def test_any_other_ending_is_refused_by_naming_those_there_are(tmp_path: Path, name: str) -> None:
    """The error names the three endings and what came; nothing is written."""
    with pytest.raises(ValueError, match=r"ends in \.svg, \.png or \.txt; '.*' came\."):
        addition().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error names the learner's folder and file, not one of ours."""
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*plots' to save 'a\.svg' in"):
        addition().save(tmp_path / "plots" / "a.svg")


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where drawing or writing fails, the old file is as it was and nothing else is left behind."""
    file = tmp_path / "a.svg"
    file.write_text("old")

    def fails(*given: object) -> str:
        raise RuntimeError("cannot draw")

    with monkeypatch.context() as patch:
        patch.setattr(Trace, "to_svg", fails)
        with pytest.raises(RuntimeError, match="cannot draw"):
            addition().save(file)

    def full(path: Path, content: bytes) -> int:
        with path.open("xb") as part:
            part.write(content[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            addition().save(file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.svg", "old")]


def test_a_folder_in_the_place_of_the_file_stays(tmp_path: Path) -> None:
    """A folder that bears the name is not replaced, and nothing is left beside it."""
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(OSError, match=r"a\.svg"):
        addition().save(tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_links_and_modes_are_those_of_any_other_file(tmp_path: Path) -> None:
    """A link stays a link to the file that is written, which others may read as any that is made."""
    (tmp_path / "link.svg").symlink_to(tmp_path / "real.svg")
    addition().save(tmp_path / "link.svg")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_text() == addition().to_svg()
    (tmp_path / "other").touch()
    assert (tmp_path / "real.svg").stat().st_mode == (tmp_path / "other").stat().st_mode
