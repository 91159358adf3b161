"""Chromium without a window: what a page holds after its scripts have run."""

import pathlib
import shutil
import subprocess
import tempfile

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",  # without which it does not run as root, as CI does; the pages are ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """The browser's path; raises SystemExit that says how to get one."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise SystemExit(f"none of {', '.join(_NAMES)} is on the PATH: apt-get install chromium")


def dump_dom(page: pathlib.Path, *flags: str) -> str:
    """The document of a page after it has loaded; in virtual time, so that nothing waits."""
    return _run(page, "--virtual-time-budget=10000", "--dump-dom", *flags)


def take_picture(
    page: pathlib.Path, path: pathlib.Path, *, width: int, height: int, dark: bool = False
) -> None:
    """Writes what a window of that size shows as a PNG file."""
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    _run(page, f"--screenshot={path}", f"--window-size={width},{height}", "--hide-scrollbars", *scheme)


def _run(page: pathlib.Path, *flags: str) -> str:
    with tempfile.TemporaryDirectory() as profile:
        command = [find_chromium(), *_FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=120, text=True).stdout
