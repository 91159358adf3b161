"""Takes a picture of a saved report, on a desk and beside it on a phone, for the README.

python -m tests.browser.report_picture report docs/report.png
"""

import pathlib
import sys
import tempfile

from tests.browser.chromium import take_picture

_WIDTH, _HEIGHT = 1640, 1120

_FRAME = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #ddd9d1; display: flex; gap: 32px; padding: 32px; align-items: start; }}
iframe {{ border: 0; border-radius: 14px; background: #fff; }}</style>
<iframe style="width:1180px;height:1056px" src="{page}"></iframe>
<iframe style="width:364px;height:1056px" src="{page}#sort=confidence"></iframe>
"""


def main(report: str, picture: str) -> None:
    """Writes the picture of the report in a folder."""
    page = pathlib.Path(report, "index.html").resolve().as_uri()
    with tempfile.TemporaryDirectory() as folder:
        frame = pathlib.Path(folder, "frame.html")
        frame.write_text(_FRAME.format(page=page), "utf-8")
        take_picture(frame, pathlib.Path(picture).resolve(), width=_WIDTH, height=_HEIGHT)


if __name__ == "__main__":
    main(*sys.argv[1:])
