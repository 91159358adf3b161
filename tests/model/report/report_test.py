"""A report's figures are the evaluation's, its page holds whatever a line may say, and it stays small."""

import html.parser
import json
import os
import random
import re
import tomllib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.model.network.metrics import Scores, score_batch, wilson_interval
from densenet_ocr.model.reading.reading import Reading
from densenet_ocr.model.report.report import Report, count_seen
from densenet_ocr.model.report.text_filters import percent
from densenet_ocr.pipeline import schema
from densenet_ocr.pipeline.charset import Charset
from densenet_ocr.pipeline.dataset_info import DatasetInfo, ShardInfo, SplitInfo, load_dataset_info
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from tests import ROOT
from tests.model.report.line_results import make_result

CHARSET = Charset("abcdef")
NASTY = "</script><img src=x onerror=alert(1)>&amp;\"'`\u202e\u200f\0\n\udcff\ud800{{style}}"


class PageParser(html.parser.HTMLParser):
    """Elements of a page with their attributes, and its text without scripts and styles."""

    def __init__(self, page: str):
        super().__init__()
        self.elements, self.text, self._in = [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in = tag

    def handle_data(self, data):
        if self._in not in ("script", "style"):
            self.text += data

    def find(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def score(lines: list[tuple[str, str]]) -> Scores:
    """What the evaluation makes of (truth, reading): logits whose best path says the reading."""
    paths = [[k for c in text for k in (CHARSET.blank, *CHARSET.encode(c))] for _, text in lines]
    frames = max(map(len, paths)) + 20
    labels = [CHARSET.encode(truth) for truth, _ in lines]
    longest = max(map(len, labels))
    padded = [path + [CHARSET.blank] * (frames - len(path)) for path in paths]
    batch = {
        schema.LABEL: tf.constant([label + [schema.NO_CLASS] * (longest - len(label)) for label in labels]),
        schema.LABEL_LENGTH: tf.constant([len(label) for label in labels]),
        schema.FRAMES: tf.fill([len(lines)], frames),
        schema.WEIGHT: tf.ones(len(lines)),
    }
    return Scores.from_sums(score_batch(tf.one_hot(padded, CHARSET.classes, 20.0), batch).numpy())


def draw_lines(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Random truths and readings, some of which are right."""
    draws = random.Random(seed)
    words = ["".join(draws.choices("abcdef", k=draws.randint(1, 9))) for _ in range(count)]
    return [
        (word, word if draws.random() < 0.4 else draws.choice(words)[draws.randint(0, 3) :]) for word in words
    ]


class ReportTest(parameterized.TestCase, tf.test.TestCase):
    def make(self, results=(), *, seen=None, worst=200) -> Report:
        report = Report(charset=CHARSET, seen=seen, worst=worst)
        for result in results:
            report.add(result)
        return report

    def save(self, report: Report, title="a title", facts=()) -> tuple[str, dict]:
        """The page and the figures of a report."""
        folder = os.path.join(self.create_tempdir().full_path, "new", "report")
        report.save(folder, title=title, facts=dict(facts))
        self.assertCountEqual(os.listdir(folder), ["index.html", "report.json"])
        with open(os.path.join(folder, "index.html"), encoding="utf-8") as file:
            page = file.read()
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            return page, json.load(file)

    def test_totals_are_those_of_the_evaluation(self):
        lines = draw_lines(300)
        totals, scores = self.make(make_result(*line) for line in lines).totals, score(lines)
        self.assertEqual(totals.lines, scores.lines)
        self.assertAllClose((totals.exact_match, totals.cer), (scores.exact_match, scores.cer), rtol=1e-12)
        self.assertEqual(totals.exact_match_95, wilson_interval(round(300 * scores.exact_match), 300))
        self.assertBetween(totals.exact_match, 0.3, 0.6)

    def test_figures_for_scripts_are_those_of_the_page(self):
        lines = draw_lines(50)
        report = self.make((make_result(*line, key=f"{k}.png") for k, line in enumerate(lines)), seen={"a": 7})
        page, figures = self.save(report, facts={"model": "run", "split": "test"})
        self.assertEqual(figures["facts"], {"model": "run", "split": "test"})
        self.assertEqual(figures["totals"]["lines"], 50)
        self.assertEqual(figures["characters"], {"charset": 6, "in_lines": 6})
        for name in ("length", "width"):
            self.assertEqual(sum(part["lines"] for part in figures["slices"][name]), 50)
        self.assertIn(percent(figures["totals"]["exact_match"]), page)
        self.assertIn(percent(figures["totals"]["cer"]), page)
        for line in figures["worst"]:
            self.assertEqual("".join(truth for truth, _ in line["alignment"]), line["truth"])
            self.assertEqual("".join(read for _, read in line["alignment"]), line["reading"])
        edits = sum(
            sum(c["count"] for c in figures["confusions"][k])
            for k in ("substitutions", "deletions", "insertions")
        )
        self.assertEqual(edits, figures["totals"]["edits"])

    def test_a_character_is_right_where_it_is_aligned_with_itself(self):
        report = self.make([make_result("abc", "xbcd")])
        self.assertEqual(report.character_confidence.bins()[9].count, 4)
        self.assertEqual(report.character_confidence.bins()[9].right, 0.5)
        self.assertEqual(report.line_confidence.bins()[9].right, 0.0)

    def test_the_worst_have_most_edits_for_their_length_then_most_confidence_then_the_first_key(self):
        results = [
            make_result("abcdef", "abcdxx", key="2 of 6"),
            make_result("ab", "xx", key="2 of 2"),
            make_result("ab", "ax", key="1 of 2, sure", confidence=0.99),
            make_result("abcd", "abxx", key="2 of 4, less sure", confidence=0.6),
            make_result("cd", "cx", key="1 of 2, as sure", confidence=0.99),
            make_result("ab", "ab", key="right"),
        ]
        expected = ["2 of 2", "1 of 2, as sure", "1 of 2, sure", "2 of 4, less sure", "2 of 6"]
        for order in (results, results[::-1]):
            keys = [line.result.key for line in self.make(order).worst.lines]
            self.assertEqual(keys, expected)
            self.assertEqual([line.result.key for line in self.make(order, worst=2).worst.lines], expected[:2])

    def test_no_more_pictures_are_held_than_are_shown_and_no_batches(self):
        report = self.make(worst=5)
        for k in range(100):
            batch = np.zeros((64, 32, 64), np.uint8)
            report.add(make_result("ab" * (k % 7 + 1), "a", key=str(k))._replace(levels=batch[k % 64]))
            self.assertLessEqual(len(report.worst.lines), 5)
        for line in report.worst.lines:
            self.assertIsNone(line.result.levels.base)
        page, figures = self.save(report)
        self.assertLen(PageParser(page).find("img"), 5)
        self.assertLen(figures["worst"], 5)
        self.assertEqual(figures["totals"]["lines"], 100)

    def test_no_text_of_a_line_becomes_markup(self):
        report = Report(charset=Charset("ab"), seen={})
        report.add(make_result(NASTY, NASTY[:20] + "b", key=NASTY))
        page, figures = self.save(report, title=NASTY, facts={NASTY: NASTY})
        parser = PageParser(page)
        plain = PageParser(self.save(self.make([make_result("ab", "aa")]))[0])
        self.assertLen(parser.find("script"), len(plain.find("script")))
        self.assertLen(parser.find("img"), 1)
        self.assertEmpty([a for _, attributes in parser.elements for a in attributes if a.startswith("on")])
        self.assertNotRegex(page, "[\0\u200f\u202e]")
        self.assertIn("{{style}}", parser.text)
        self.assertEqual(figures["worst"][0]["key"], NASTY)

    def test_what_the_script_searches_is_what_the_lines_say(self):
        report = Report(charset=Charset("ab"), seen={})
        report.add(make_result(NASTY, "b", key="caf\udce9.png"))
        page, _ = self.save(report)
        data = re.search(r'<script type="application/json" id="line-data">(.*?)</script>', page, re.DOTALL)
        (line,) = json.loads(data[1])
        self.assertEqual(line["texts"], [NASTY, "b", "caf\udce9.png", "caf\\xe9.png"])

    def test_the_page_needs_nothing_else(self):
        page, _ = self.save(self.make([make_result("ab", "aa")]))
        parser = PageParser(page)
        sources = [a[name] for _, a in parser.elements for name in ("src", "href") if name in a]
        self.assertNotEmpty(sources)
        for source in sources:
            self.assertRegex(source, "^(#|data:image/png;base64,)")
        self.assertEmpty(parser.find("link") + parser.find("iframe"))
        self.assertNotRegex(page, r"(?i)https?://|@import|url\(")

    def test_the_pages_files_are_installed_too(self):
        with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
            setuptools = tomllib.load(file)["tool"]["setuptools"]
        self.assertEqual(setuptools["package-data"]["densenet_ocr.model.report"], ["page/*"])
        self.assertIn("densenet_ocr.model.report", setuptools["packages"])
        self.assertContainsSubset(
            ["page.html", "page.css"], os.listdir(os.path.join(ROOT, "model/report/page"))
        )

    def test_confidences_may_be_numpys(self):
        result = make_result("ab", "aa", confidence=np.float32(0.75))
        self.assertEqual(self.save(self.make([result]))[1]["worst"][0]["confidence"], 0.75)

    def test_every_place_of_the_template_is_filled(self):
        page, _ = self.save(self.make([make_result("ab", "aa")]))
        self.assertNotIn("{{", page)

    @parameterized.parameters(
        ([], "There were no lines to read."),
        ([("a", "a")], "Misread: none of 1 line."),
        ([("a", "b")], "Misread: 1 of 1 line."),
        ([("abc", "")], "Misread: 1 of 1 line."),
        ([("", "a")], "Misread: 1 of 1 line."),
        ([("a", "a"), ("b", "b")], "Misread: none of 2 lines."),
    )
    def test_a_page_of_few_or_no_lines_has_a_summary(self, lines, summary):
        page, figures = self.save(self.make(make_result(*line) for line in lines))
        self.assertIn(summary, PageParser(page).text)
        self.assertEqual(figures["totals"]["lines"], len(lines))
        self.assertNotIn("nan", page.lower().replace("nano", ""))
        if not any(truth != text for truth, text in lines):
            self.assertIn("No line was misread.", page)

    def test_a_confidence_that_is_no_number_names_its_line(self):
        with self.assertRaisesRegex(UserError, r"reading of 7\.png.*nan"):
            self.make([make_result("ab", "ab", key="7.png", confidence=float("nan"))])

    def test_a_reading_with_too_few_characters_is_a_mistake_of_the_caller(self):
        result = make_result("ab", "ab")._replace(reading=Reading("ab", 0.5, []))
        with self.assertRaisesRegex(ValueError, "0 characters of 'ab'"):
            self.make([result])

    def test_training_counts_come_from_the_data_sets_description(self):
        path = os.path.join(self.create_tempdir().full_path, "data")
        os.makedirs(path)
        statistics = {"characters": {"0": 4, "2": 1}}
        split = SplitInfo((ShardInfo("train-00000-of-00001.tfrecord", 3, 3000, "0"),), 3, {}, statistics, {})
        info = DatasetInfo(CHARSET, Geometry(32, 64), "uint8", {"train": split})
        info.save(path)
        for known in (info, load_dataset_info(path)):
            self.assertEqual(count_seen(known, "train"), {"a": 4, "c": 1})
            self.assertIsNone(count_seen(known, "other"))


if __name__ == "__main__":
    tf.test.main()
