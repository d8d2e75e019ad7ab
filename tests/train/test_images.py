from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.errors import DataError
from contract.layout import CHECKOUT
from infer_py import preprocess
from tests.train import tiny
from train.data import images
from train.data.found import Listed
from train.data.images import decode, verify


def test_every_listed_format_is_read_as_rgb(tmp_path: Path) -> None:
    for form in ("JPEG", "PNG", "WEBP", "BMP", "GIF"):
        path = tmp_path / f"image.{form}"
        tiny.picture("RED", 0).save(path, format=form)
        assert (decode(path).mode, decode(path).size) == ("RGB", (26, 22))


def test_other_formats_are_refused_whatever_they_are_called(tmp_path: Path) -> None:
    path = tmp_path / "tiff.jpg"
    tiny.picture("RED", 0).save(path, format="TIFF")
    with pytest.raises(DataError, match="format not supported: TIFF") as caught:
        decode(path)
    assert str(path) in str(caught.value)


def test_half_a_jpeg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="truncated"):
        decode(path)


def test_html_and_empty_files_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"<html>not found</html>"):
        path = tmp_path / "page.jpg"
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot identify image"):
            decode(path)


def test_train_and_infer_py_take_the_same_faults_of_pillow_for_broken_images() -> None:
    assert images.DECODE_FAULTS == preprocess.DECODE_FAULTS
    assert images.FORMATS == preprocess.FORMATS


@pytest.mark.parametrize("fault", [struct.error("unpack"), zlib.error("inflate"), KeyError("x"), TypeError("x")])
def test_whatever_pillow_raises_is_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    (tmp_path / "a.png").touch()
    monkeypatch.setattr(Image, "open", broken)
    for read in (decode, preprocess.decode):
        with pytest.raises(DataError, match=r"a\.png"):
            read(tmp_path / "a.png")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such image file"):
        decode(tmp_path / "gone.jpg")


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    # 10,000 x 10,000 pixels in the header: Pillow alone only warns.
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(path)


def test_verify_hashes_what_it_read_in_listed_order(squares: Path) -> None:
    listed = [Listed(f"train/{name}_0.png", name) for name in ("RED", "BLUE")]
    found = verify(squares, listed, skip_bad=False, threads=2)
    assert [item.label for item in found.good] == ["RED", "BLUE"]
    assert found.good[0].sha256 == hashlib.sha256((squares / "train/RED_0.png").read_bytes()).hexdigest()


def test_a_bad_image_is_named_or_skipped_and_counted(squares: Path) -> None:
    listed = [Listed(f"train/RED_{number}.png", "RED") for number in range(4)]
    for number in (1, 2):
        path = squares / listed[number].path
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError) as caught:
        verify(squares, listed, skip_bad=False, threads=2)
    assert "RED_1.png" in str(caught.value)
    assert "and 1 more" in str(caught.value)
    assert "--skip-bad-images" in caught.value.next
    found = verify(squares, listed, skip_bad=True, threads=2)
    assert [item.path for item in found.good] == ["train/RED_0.png", "train/RED_3.png"]
    assert [text.split(":")[0] for text in found.bad] == ["train/RED_1.png", "train/RED_2.png"]


@pytest.mark.parametrize("read", [decode, lambda path: preprocess.decode(path)[0]], ids=["train", "infer_py"])
def test_a_bitmap_that_pillow_only_reads_through_a_map_is_read(read: Callable[[Path], Image.Image]) -> None:
    # Pillow maps files that have a name, and refuses this one's bytes without it; infer_rs reads it.
    path = CHECKOUT / "infer_rs" / "tests" / "data" / "images" / "ramp4-long.bmp"
    with pytest.raises(OSError, match="codec configuration error"):
        Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    assert read(path).tobytes() == Image.open(path).convert("RGB").tobytes()
