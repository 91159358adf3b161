"""Opens a report in headless Chromium and uses it as a reader would.

    python -m tests.browser.report_check

A script is appended to a copy of the page; it clicks and types, and leaves what it saw in the document. The
last line is `N passed, M failed`; the exit code is 0 where none failed.
"""

import base64
import hashlib
import html
import json
import pathlib
import re
import sys
import tempfile

import numpy as np

from densenet_ocr.model.report.report import Report
from densenet_ocr.pipeline.charset import Charset
from tests.browser.chromium import dump_dom
from tests.model.report.line_results import make_result

PHONE, DESK = 360, 1200

# Stands before all else: sees errors of the page's own script and what its security policy stopped.
_WATCH = """
window.seen = {errors: [], stopped: []};
addEventListener("error", (event) => seen.errors.push(String(event.message)));
addEventListener("unhandledrejection", (event) => seen.errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => seen.stopped.push(event.blockedURI));
"""

# The page's own frame is a phone or a desk; what it saw goes up to the document that is dumped.
_REPORT = """
const list = document.getElementById("lines"), search = document.getElementById("search");
const sort = document.getElementById("sort"), reverse = document.getElementById("reverse");
const keys = () => [...list.children].filter((item) => item.offsetParent).map(
  (item) => item.querySelector(".key").textContent);
const type = (text) => { search.value = text; search.dispatchEvent(new Event("input", {bubbles: true})); };
const choose = (value) => { sort.value = value; sort.dispatchEvent(new Event("change", {bubbles: true})); };
const view = () => ({
  keys: keys(), search: search.value, sort: sort.value, reversed: reverse.getAttribute("aria-pressed"),
  count: document.getElementById("count").textContent, fragment: location.hash,
  none: Boolean(document.getElementById("no-lines").offsetParent),
  controls: Boolean(document.getElementById("controls").offsetParent),
});
addEventListener("load", () => {
  const result = {};
  try { result.value = (() => { %s })(); } catch (error) { seen.errors.push(String(error)); }
  const page = document.documentElement;
  // Blocked requests are reported a moment later.
  setTimeout(() => parent.postMessage({
    ...seen, ...result, inner: innerWidth, page: page.scrollWidth,
    beyond: [...document.querySelectorAll("body *")].filter((e) => !e.closest(".skip, .table, .wide, .spoken")
      && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80)),
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => !name.startsWith("data:")),
    broken: [...document.images].filter((image) => !image.naturalWidth).length,
    unnamed: [...document.querySelectorAll("input, select, button, [tabindex]")].filter((e) =>
      !(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.textContent.trim()).length,
  }, "*"), 100);
});
"""

_FRAME = """<!doctype html><meta charset="utf-8"><pre id="seen"></pre>
<script>addEventListener("message", (event) => {
  document.getElementById("seen").textContent = JSON.stringify(event.data); });</script>
<iframe style="width:%dpx;height:800px;border:0" src="%s"></iframe>
"""

_NASTY = "</script><img src=http://example.invalid/x onerror=seen.errors.push(1)>\u202e\udcff.png"


def make_report(folder: pathlib.Path) -> list[dict]:
    """Saves a report of lines of many kinds; returns its worst lines as report.json has them."""
    report = Report(charset=Charset("abcdefghijklm012"), seen={"a": 5, "b": 500}, worst=60)
    draws = np.random.default_rng(0)
    for k in range(400):
        truth = "".join(draws.choice(list("abcdefghijklm"), draws.integers(1, 40)))
        text = truth if k % 3 else truth[: k % 7] + "012"[k // 3 % 3] + truth[k % 7 + k % 2 :]
        width = 1500 if k % 30 == 0 else int(draws.integers(40, 400))
        key = f"folder/{'very_long_name_' * (k % 5)}{k:03d}.png"
        report.add(make_result(truth, text, key=key, confidence=round(draws.random(), 3), width=width))
    report.add(make_result("<b>&amp;", "<i>", key=_NASTY, confidence=0.5))
    report.save(str(folder), title=f"A check {'of_a_long_title_' * 8} {_NASTY}", facts={"split": _NASTY})
    return json.loads((folder / "report.json").read_text("utf-8"))["worst"]


class Page:
    """A saved report, which is opened as often as asked, and the checks that were made."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._html = (folder / "index.html").read_text("utf-8")
        self.passed, self.failed = 0, 0

    def use(self, script: str = "return view();", *, fragment: str = "", width: int = DESK) -> dict:
        """Opens the page in a frame, lets a script use it and returns what was seen; errors fail."""
        scripts = (_WATCH, _REPORT % script)
        hashes = " ".join(f"'sha256-{_hash(text)}'" for text in scripts)
        copy = self._html.replace("script-src ", f"script-src {hashes} ", 1)
        copy = copy.replace("<title>", f"<script>{_WATCH}</script><title>", 1)
        (self._folder / "copy.html").write_text(f"{copy}<script>{scripts[1]}</script>", "utf-8")
        (self._folder / "frame.html").write_text(_FRAME % (width, f"copy.html{fragment}"), "utf-8")
        dom = dump_dom(self._folder / "frame.html", "--window-size=1400,1000", "--hide-scrollbars")
        seen = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)[1]) or "{}")
        self.check(f"no errors {fragment}", seen.get("errors"), [])
        return seen

    def check(self, what: str, received: object, expected: object) -> None:
        """Counts a comparison, and says so."""
        right = received == expected
        self.passed, self.failed = self.passed + right, self.failed + (not right)
        print(f"{'ok  ' if right else 'FAIL'} {what}" + ("" if right else f": {received!r}, not {expected!r}"))


def check_layout(page: Page) -> None:
    """On a phone and on a desk nothing lies beyond the page's edge, and nothing is fetched."""
    for width in (PHONE, DESK):
        seen = page.use(width=width)
        page.check(f"the frame is {width} pixels wide", seen["inner"], width)
        page.check(f"no sideways scrolling at {width}", seen["page"], width)
        page.check(f"nothing beyond the edge at {width}", seen["beyond"], [])
        page.check("nothing is fetched", seen["fetched"], [])
        page.check("nothing is stopped", seen["stopped"], [])
        page.check("all pictures show", seen["broken"], 0)
        page.check("all controls have names", seen["unnamed"], 0)
        page.check("the controls show", seen["value"]["controls"], True)


def check_policy(page: Page) -> None:
    """What is not the page's own is stopped: the checks above would see it."""
    seen = page.use(
        """
        const script = document.createElement("script"), image = document.createElement("img");
        script.textContent = "window.foreign = true";
        image.src = "http://example.invalid/x.png";
        document.body.append(script, image);
        return Boolean(window.foreign);
        """
    )
    page.check("a foreign script does not run", seen["value"], False)
    page.check("both are stopped", sorted(seen["stopped"]), ["http://example.invalid/x.png", "inline"])


def check_search(page: Page, worst: list[dict]) -> None:
    """Each of truth, reading and key is searched as one types, and an emptied search shows all."""
    for wanted, fields in (
        ("a1", ("reading",)),
        ("NAME_1", ("key",)),
        ("cd", ("truth", "reading")),
        ("<b>&", ("truth",)),
    ):
        found = [line for line in worst if any(wanted.lower() in line[f] for f in ("truth", "reading", "key"))]
        page.check(
            f"{wanted!r} is found somewhere",
            any(wanted.lower() in line[f] for line in found for f in fields),
            True,
        )
        seen = page.use(f"type({json.dumps(wanted)}); return view();")["value"]
        page.check(f"search of {wanted!r}", seen["keys"], [show_key(line) for line in found])
        page.check("and its count", seen["count"], f"{len(found)} of {len(worst)} lines")
    seen = page.use('type("no line has this"); return view();')["value"]
    page.check("nothing found", (seen["keys"], seen["none"]), ([], True))
    seen = page.use('type("no line has this"); type(""); return view();')["value"]
    page.check(
        "an emptied search",
        (len(seen["keys"]), seen["none"], seen["count"]),
        (len(worst), False, f"{len(worst)} lines"),
    )
    seen = page.use('type("\\\\xff.png"); return view();')["value"]
    page.check("a key is found as it is shown", len(seen["keys"]), 1)


def check_sorting(page: Page, worst: list[dict]) -> None:
    """Each order is that of the figures, both ways; equal ones stay as the worst have them."""
    page.check("worst first", page.use()["value"]["keys"], [show_key(line) for line in worst])
    for name in ("confidence", "edits", "length", "width", "key"):
        falls = name != "key"
        expected = sorted(worst, key=lambda line: line[name], reverse=falls)
        seen = page.use(f'choose("{name}"); return view();')["value"]
        page.check(f"sorted by {name}", seen["keys"], [show_key(line) for line in expected])
        expected = sorted(worst, key=lambda line: line[name], reverse=not falls)
        seen = page.use(f'choose("{name}"); reverse.click(); return view();')["value"]
        page.check(f"reversed by {name}", seen["keys"], [show_key(line) for line in expected])
        page.check("the button is pressed", seen["reversed"], "true")
    seen = page.use("reverse.click(); reverse.click(); return view();")["value"]
    page.check("reversed twice", seen["keys"], [show_key(line) for line in worst])


def check_fragment(page: Page) -> None:
    """What the address holds after some clicks brings the same view back, in a page that is opened by it."""
    made = page.use('type("a&b=c d"); type("name_"); choose("width"); reverse.click(); return view();')["value"]
    page.check("the address", made["fragment"], "#search=name_&sort=width&reverse=1")
    page.check("is a view of some lines", 0 < len(made["keys"]) < 60, True)
    page.check("the view is restored", page.use(fragment=made["fragment"])["value"], made)
    odd = page.use('type("a&b=c %23"); return view();')["value"]
    back = page.use(fragment=odd["fragment"])["value"]
    page.check("a search of any text is restored", back["search"], "a&b=c %23")
    seen = page.use(fragment="#sort=toString&search=a")["value"]
    page.check("an unknown order is the usual one", (seen["sort"], seen["search"]), ("worst", "a"))
    seen = page.use(fragment="#calibration")["value"]
    page.check("a section's name is no state", (seen["search"], seen["sort"]), ("", "worst"))


def check_empty(folder: pathlib.Path) -> Page:
    """A report without lines has no script errors either."""
    report = Report(charset=Charset("ab"), seen=None)
    report.save(str(folder), title="Empty", facts={})
    page = Page(folder)
    seen = page.use("return document.querySelectorAll('#lines > li').length;", width=PHONE)
    page.check("no lines", (seen["value"], seen["page"]), (0, PHONE))
    return page


def show_key(line: dict) -> str:
    """A key as the page shows it."""
    return line["key"].replace("\u202e", "\\u202e").replace("\udcff", "\\xff")


def main() -> int:
    """Runs all checks; 0 where none failed."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "report")
        worst = make_report(path)
        page = Page(path)
        check_layout(page)
        check_policy(page)
        check_search(page, worst)
        check_sorting(page, worst)
        check_fragment(page)
        empty = check_empty(pathlib.Path(folder, "empty"))
    failed = page.failed + empty.failed
    print(f"{page.passed + empty.passed} passed, {failed} failed")
    return 1 if failed else 0


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


if __name__ == "__main__":
    sys.exit(main())
