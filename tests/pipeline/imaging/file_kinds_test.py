"""Naming a file by its first bytes."""

import io

import numpy as np
import PIL.Image
from absl.testing import absltest, parameterized

from densenet_ocr.pipeline.imaging.file_kinds import BINARY, EMPTY, JSON, TEXT, describe_file

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- by a tool -->\n'


def save(kind: str) -> bytes:
    data = io.BytesIO()
    PIL.Image.new("RGB", (40, 8)).save(data, kind)
    return data.getvalue()


class DescribeFileTest(parameterized.TestCase):
    @parameterized.parameters("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000", "AVIF")
    def test_names_images(self, kind):
        self.assertEqual(describe_file(save(kind)), f"an image ({kind})")

    @parameterized.parameters(
        (b"", EMPTY),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0", "an image (HEIC)"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf\0\0", "an image (AVIF)"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\n<!DOCTYPE html>\n<html><head>", "an HTML page"),
        (b'<html lang="en">', "an HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (XML + b'<svg width="9">', "an SVG drawing"),
        (XML + b'<PcGts xmlns="http://schema.primaresearch.org/PAGE">', "a PAGE XML document"),
        (b"\xef\xbb\xbf" + XML + b"<pc:PcGts>", "a PAGE XML document"),
        (XML + b'<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">', "an ALTO XML document"),
        (XML + b"<note/>", "an XML document"),
        (b'{"a.png": "text"}', JSON),
        (b'[{"filename": "a.png"}]', JSON),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\xff\xfea\0.\0", "a text file in UTF-16"),
        (b"a.png\tsome text\n", TEXT),
        (b"<blank>\na\nb\n", TEXT),
        (b"[UNK]\n{\n", TEXT),
        (b"BM.png 1 2 3\n", TEXT),
        ("a.png\t\u6625".encode("gbk"), TEXT),
        (np.random.default_rng(0).bytes(4096), BINARY),
    )
    def test_names_other_files(self, head, kind):
        self.assertStartsWith(describe_file(head), kind if kind.startswith("a") else f"a {kind}")


if __name__ == "__main__":
    absltest.main()
