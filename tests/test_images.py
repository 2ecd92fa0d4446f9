"""Images as one sees them, digits beside what was read, a bar while one waits, and the two filters."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from sumskip import Mixer, digits, photograph, progress, show_digits, show_images


def opened(picture: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.file)).convert("RGB"))


def test_an_image_is_shown_in_its_own_colours() -> None:
    """A red, a green and a blue half: the pixels of the picture are those of the tensor."""
    halves = torch.zeros(1, 3, 4, 4)
    halves[0, 0, :, :2] = 1
    halves[0, 2, :, 2:] = 0.5
    shown = {tuple(pixel) for pixel in opened(show_images(halves)).reshape(-1, 3)}
    assert {(255, 0, 0), (0, 0, 128)} <= shown or {(255, 0, 0), (0, 0, 127)} <= shown
    grey = {tuple(pixel) for pixel in opened(show_images(torch.full((1, 1, 4, 4), 0.2))).reshape(-1, 3)}
    assert (51, 51, 51) in grey


def test_the_text_says_what_is_shown_and_what_was_cut_off() -> None:
    image = torch.tensor([-0.5, 0.5, 1.5, 1.0]).reshape(1, 1, 2, 2)
    picture = show_images(image, photograph(8), titles=("sharp", "small"))
    assert picture.alt_text.startswith("sharp: an image (1, 1, 2, 2) in grey")
    assert "2 of 4 values lie outside 0 to 1" in picture.alt_text
    assert "small: an image (1, 3, 8, 8) in colour" in picture.text
    assert picture.width <= 672


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((), ValueError, "at least one image"),
        ((7,), TypeError, "argument 1 is a int"),
        ((torch.zeros(1, 2, 4, 4),), ValueError, r"argument 1 is \(1, 2, 4, 4\)"),
        ((torch.zeros(3, 4, 4),), ValueError, r"\(3, 4, 4\)"),
        ((torch.full((1, 1, 2, 2), torch.nan),), ValueError, "finite"),
        ((torch.zeros(1, 1, 2, 2, dtype=torch.complex64),), TypeError, "complex"),
    ],
)
def test_what_is_no_image_is_refused(arguments: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        show_images(*arguments)


def test_titles_are_one_for_each_image() -> None:
    with pytest.raises(ValueError, match="one title for each of its 1 images"):
        show_images(photograph(4), titles=("a", "b"))


def test_mistakes_are_told_by_sign_frame_and_words() -> None:
    """Never by colour alone: ✗ and bold type in the picture, words in its alternative text."""
    images, labels = digits()
    read = labels[:20].clone()
    read[3], read[14] = 7, 1
    right = show_digits(images[:20], labels[:20], labels[:20])
    wrong = show_digits(images[:20], labels[:20], read)
    assert right.alt_text.endswith("no mistakes.")
    assert "a 3 read as 7, a 4 read as 1" in wrong.alt_text
    framed = [int((opened(picture) == (166, 61, 0)).all(-1).sum()) for picture in (right, wrong)]
    assert framed[0] == 0 < framed[1]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((torch.zeros(2, 1, 8, 8), torch.zeros(3), torch.zeros(2)), ValueError, r"\(2, 1, 8, 8\), \(3,\)"),
        ((torch.zeros(2, 3, 8, 8), torch.zeros(2), torch.zeros(2)), ValueError, "images"),
        ((torch.zeros(0, 1, 8, 8), torch.zeros(0), torch.zeros(0)), ValueError, "images"),
        (([1], torch.zeros(1), torch.zeros(1)), TypeError, "a list"),
    ],
)
def test_digits_need_as_many_labels_and_readings(arguments: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        show_digits(*arguments)


def test_a_mixer_goes_from_sharp_to_blurred_and_is_the_image_between() -> None:
    image = photograph(24).mean(dim=1, keepdim=True)
    mixer = Mixer()
    blurred, sharp = mixer.filtered(image)
    assert [name for name, _ in mixer.named_parameters()] == ["alpha"]
    for alpha, expected in ((0.0, sharp), (1.0, blurred), (0.5, image), (0.3, 0.3 * blurred + 0.7 * sharp)):
        mixer.alpha.data.fill_(alpha)
        assert torch.allclose(mixer(image), expected, atol=1e-6)
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    assert blurred[inside].var() < image[inside].var() < sharp[inside].var()


def test_progress_hands_on_every_item_and_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(["a", "b", "c"], "training")) == ["a", "b", "c"]
    assert capsys.readouterr().out == "training: 3 of 3 done\n"
    assert list(progress([], "training")) == []


def test_in_a_notebook_one_output_is_shown_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar with a name, how many are done and the time left; afterwards a line without times."""
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            shown.append(data)

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        shown.append(data)
        return Handle()

    shell = InteractiveShell()
    shell.kernel = object()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", display)
    assert list(progress(range(3), "training <all>")) == [0, 1, 2]
    assert [data["text/plain"].split(",")[0] for data in shown] == [
        f"training <all>: {done} of 3 done" for done in range(4)
    ]
    assert "about 1 s left" in shown[1]["text/plain"]
    assert 'value="1" aria-label="training &lt;all&gt;"' in shown[1]["text/html"]
    assert shown[-1]["text/html"] == "<div>training &lt;all&gt;: 3 of 3 done</div>"
