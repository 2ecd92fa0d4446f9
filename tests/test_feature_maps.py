"""Feature maps: one honest scale, alternative text with numbers, and nothing left behind."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from sumskip import show_feature_maps
from sumskip.seeing.feature_maps import _draw, colours, shared_limit

OUT1 = torch.linspace(-0.5, 0.25, 2 * 16 * 4 * 6).reshape(2, 16, 4, 6)
OUT2 = torch.linspace(-0.1, 1.5, 2 * 16 * 4 * 6).reshape(2, 16, 4, 6)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours, as a grey print shows them."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def test_all_thumbnails_share_one_scale_with_zero_in_its_middle() -> None:
    """Every image has the same limits, and they are symmetric about zero."""
    maps = [OUT1[0, :3], OUT2[0, :3]]
    *images, bar = _draw(maps, ["a", "b"], [OUT1, OUT2], shared_limit(maps)).get_images()
    assert len(images) == 6
    assert bar.get_clim() == images[0].get_clim()
    limits = {image.get_clim() for image in images}
    assert limits == {(-shared_limit(maps), shared_limit(maps))}
    assert shared_limit(maps) == pytest.approx(max(float(m.abs().max()) for m in maps))
    shown = np.stack([np.asarray(image.get_array()) for image in images])
    assert np.array_equal(shown, torch.cat(maps).numpy())


def test_the_scale_reads_in_grey_and_zero_has_no_hue() -> None:
    """Lightness only rises from the most negative to the most positive number; the middle is grey."""
    rgb = colours()(np.linspace(0, 1, 256))[:, :3]
    light = luminance(rgb)
    assert (np.diff(light) > 0).all()
    assert light[-1] - light[0] > 0.8
    assert np.ptp(colours()(0.5)[:3]) < 0.02


def test_the_alternative_text_says_the_numbers() -> None:
    """Name, shape, least, most and mean of each tensor, and the ends of the scale."""
    picture = show_feature_maps(OUT1, OUT2, titles=("out1", "out2"), channels=16)
    assert "from −1.5" not in picture.alt_text.split("out2")[1]
    first = OUT1[0]
    end = max(float(OUT1[0].abs().max()), float(OUT2[0].abs().max()))
    assert f"scale, from −{end:.3g} to {end:.3g}, zero in its middle" in picture.alt_text
    assert "out1, (2, 16, 4, 6): from −0.5 to " in picture.alt_text
    assert f"mean {first.mean().item():.3g}".replace("-", "−") in picture.alt_text
    assert picture.text.splitlines()[2].startswith("out2, (2, 16, 4, 6): ")


def test_it_shows_itself_as_an_image_with_alternative_text() -> None:
    """An `<img>` with a PNG inside, quotes and angle brackets escaped, and plain text beside it."""
    bundle = show_feature_maps(OUT1, titles=('<b>"out1"</b>',))._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].startswith('<img alt="Feature maps')
    assert "<b>" not in bundle["text/html"]
    assert 'src="data:image/png;base64,' in bundle["text/html"]
    assert '<b>"out1"</b>, (2, 16, 4, 6)' in bundle["text/plain"]


@pytest.mark.parametrize(
    "tensors",
    [
        (torch.zeros(1, 3, 5, 7),),
        (torch.rand(8, 9), torch.rand(2, 8, 9), torch.rand(4, 1, 8, 9)),
        (torch.rand(1, 2, 4, 4, requires_grad=True),),
        (torch.arange(16).reshape(1, 1, 4, 4), torch.ones(1, 1, 4, 4, dtype=torch.bool)),
        (torch.rand(1, 300, 2, 2),),
    ],
)
def test_any_tensor_of_real_numbers_can_be_shown(tensors: tuple[torch.Tensor, ...]) -> None:
    """Zeros, other dimensions, dtypes, gradients, many channels: a PNG as wide as it says."""
    kept = [tensor.clone() for tensor in tensors]
    picture = show_feature_maps(*tensors)
    with Image.open(io.BytesIO(picture.file)) as image:
        assert image.width == pytest.approx(2 * picture.width, abs=2)
        assert picture.width <= 700  # a notebook's column
    assert all(torch.equal(a, b) for a, b in zip(kept, tensors, strict=True))


def test_values_that_are_not_finite_are_counted_and_do_not_stretch_the_scale() -> None:
    """One infinity and one nan are said; the scale is that of the rest."""
    odd = torch.tensor([[0.5, float("inf")], [float("nan"), -0.25]])
    text = show_feature_maps(odd).text
    assert "from −0.5 to 0.5" in text
    assert "2 values are not finite" in text
    assert "no finite value" in show_feature_maps(torch.full((2, 2), float("nan"))).text


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: show_feature_maps(), ValueError, "at least one tensor"),
        (lambda: show_feature_maps([[1.0]]), TypeError, "argument 1 is a list"),
        (lambda: show_feature_maps(OUT1, OUT1 * 1j), TypeError, "argument 2 is complex"),
        (lambda: show_feature_maps(torch.rand(3)), ValueError, r"argument 1 is \(3,\)"),
        (lambda: show_feature_maps(torch.rand(1, 0, 3, 3)), ValueError, r"argument 1 is \(1, 0, 3, 3\)"),
        (lambda: show_feature_maps(OUT1, titles=("a", "b")), ValueError, "one title for each of its 1"),
        (lambda: show_feature_maps(OUT1, titles="a"), ValueError, "got one text"),
        (lambda: show_feature_maps(OUT1, channels=0), ValueError, "channels=0"),
    ],
)
def test_what_cannot_be_shown_is_said(call, error, said) -> None:  # type: ignore[no-untyped-def]
    """One clear error each: what is taken, and what came."""
    with pytest.raises(error, match=said):
        call()


def test_pyplot_is_never_touched() -> None:
    """A learner's own figures and settings are theirs: nothing imports pyplot."""
    code = (
        "import sys, torch; from sumskip import show_feature_maps; show_feature_maps(torch.rand(1, 2, 4, 4));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
