"""What kind of file some bytes begin, for messages about files of the wrong kind."""

import codecs
import re

# So many bytes are enough: a comment may come before the root of an XML document.
HEAD_BYTES = 4096

EMPTY, TEXT, JSON, BINARY = "an empty file", "a text file", "a JSON file", "a binary file of an unknown format"
TEXTS = (EMPTY, TEXT, JSON)

# Magic numbers from the specifications of the formats; the first match counts. A text may begin with BMP's two
# letters, so the zeros after them count too. An AVIF file may claim to be any HEIF file, and name AVIF later.
_MAGIC_NUMBERS = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (rb"\xff\xd8\xff", "an image (JPEG)"),
    (rb"\x89PNG\r\n", "an image (PNG)"),
    (rb"GIF8[79]a", "an image (GIF)"),
    (rb"II\*\0|MM\0\*", "an image (TIFF)"),
    (rb"RIFF....WEBP", "an image (WEBP)"),
    (rb"BM....\0\0\0\0", "an image (BMP)"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "an image (JPEG2000)"),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "an image (JPEG XL)"),
    (rb"....ftyp(avi[fs]|(mif1|msf1).{4,60}avi[fs])", "an image (AVIF)"),
    (rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", "an image (HEIC)"),
    (rb"....ftyp", "a video (MP4 or QuickTime)"),
    (rb"8BPS", "an image (Photoshop)"),
    (rb"%PDF-", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document"),
    (rb"AT&TFORM", "a DjVu document"),
    (rb"PK\x03\x04", "a ZIP archive or an office document"),
    (rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!\x1a", "a compressed archive"),
    (rb".{257}ustar", "a tar archive"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"mmap lm http", "a language model in KenLM's binary format, whose ARPA file would do"),
    (rb"\xff\xfe|\xfe\xff", "a text file in UTF-16"),
)
_BINARY_KINDS = tuple((re.compile(magic, re.DOTALL), kind) for magic, kind in _MAGIC_NUMBERS)

# Documents by their root element, in lower case and without its namespace.
_ROOTS = {
    b"svg": "an SVG drawing",
    b"html": "an HTML page",
    b"pcgts": "a PAGE XML document",
    b"alto": "an ALTO XML document",
}
_ROOT = re.compile(rb"\s*(<[?!].*?>\s*)*<(?:\w+:)?(\w+)[\s/>]", re.DOTALL)
_JSON = re.compile(rb'\s*(\{\s*["}]|\[\s*["{\[\]])')

# Control characters except blanks, form feeds and the shifts of encodings (ESC, SO, SI): rare in a text, a
# tenth of compressed bytes, half of UTF-16.
_CONTROLS = bytes(sorted({*range(32)} - {*b"\t\n\v\f\r\x1b\x0e\x0f"}))
_MAX_CONTROLS, _MAX_CONTROLS_SHARE = 8, 0.05


def describe_file(head: bytes) -> str:
    """Names the kind of a file.

    Args:
      head: The first HEAD_BYTES of the file, or all of a shorter one.

    Returns:
      The kind, such as "an image (PNG)" or "an HTML page"; EMPTY, TEXT or BINARY if nothing more is known.
    """
    if not head:
        return EMPTY
    known = (kind for magic, kind in _BINARY_KINDS if magic.match(head))
    return next(known, None) or _describe_text(head.removeprefix(codecs.BOM_UTF8))


def _describe_text(head: bytes) -> str:
    root = _ROOT.match(head)
    if root and (root[1] or root[2].lower() in _ROOTS):  # "<blank>" may begin a text file
        return _ROOTS.get(root[2].lower(), "an XML document")
    if _JSON.match(head):
        return JSON
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return BINARY if controls > max(_MAX_CONTROLS, _MAX_CONTROLS_SHARE * len(head)) else TEXT
