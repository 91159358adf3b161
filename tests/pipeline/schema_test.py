"""The bytes of a record, and the tensors that a batch of records becomes."""

import itertools
import random

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from densenet_ocr.pipeline import images, schema
from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.geometry import Geometry
from densenet_ocr.pipeline.schema import Record
from tests.samples import draw_levels

GEOMETRY = Geometry(8, 39)  # a width of 7 mod 8, which has a frame more than W // 8
EVERY_LEVEL = np.arange(312, dtype=np.uint8).reshape(8, 39)  # 0 to 255, then again
RECORDS = [
    Record("a.png", EVERY_LEVEL, [0, 5, 5]),
    Record("图\\春.png", draw_levels(1, 8, 39), [127]),
    Record("c.png", draw_levels(2, 8, 39), [128, 16383, 16384, 3_000_000, 1]),
]
ANY_WIDTH = [Record(str(width), draw_levels(width, 8, width), [1]) for width in (24, 7, 15)]

ENCODINGS = ("float32", "uint8")


def draw_record(chance: random.Random, label_length: int) -> Record:
    """A record of random size, key and class ids, small and large."""
    levels = draw_levels(chance.randrange(1000), chance.randrange(1, 40), chance.randrange(1, 300))
    ids = [chance.choice((0, 127, 128, 16383, 16384, chance.randrange(10**6))) for _ in range(label_length)]
    return Record(chance.choice("a春😀") * chance.randrange(200), levels, ids)


def make_example(record: Record, encoding: str) -> bytes:
    """What tf.train.Example makes of a record."""
    image = images.normalise(record.levels) if encoding == "float32" else record.levels
    height, width = record.levels.shape

    def ints(values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def data(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    feature = {
        "width": ints([width]),
        "label": ints(record.label),
        "key": data(record.key.encode()),
        "image": data(image.tobytes()),
        "height": ints([height]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def parse(records, encoding: str, geometry: Geometry = GEOMETRY, **options) -> dict:
    return schema.parse(records, geometry=geometry, encoding=encoding, **options)


def parse_eagerly(records, encoding, **options):
    return parse(tf.constant(records), encoding, **options)


def parse_in_a_function(records, encoding, **options):
    return tf.function(lambda batch: parse(batch, encoding, **options))(tf.constant(records))


def parse_in_a_map(records, encoding, **options):
    dataset = tf.data.Dataset.from_tensor_slices(records).batch(len(records))
    return next(iter(dataset.map(lambda batch: parse(batch, encoding, **options))))


class EncodeTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.product(encoding=ENCODINGS, number=[0, 1, 2])
    def test_bytes_are_those_of_a_deterministic_example(self, encoding, number):
        record = RECORDS[number]
        self.assertEqual(schema.encode(record, encoding), make_example(record, encoding))

    @parameterized.parameters([[]], [[0]], [[127, 128]], [[16383, 16384]], [[2**31, 2**40]])
    def test_class_ids_of_any_size_are_those_of_an_example(self, label):
        record = Record("", draw_levels(1, 8, 39), label)
        self.assertEqual(schema.encode(record, "uint8"), make_example(record, "uint8"))

    @parameterized.parameters(*ENCODINGS)
    def test_random_records_of_any_label_length_are_those_of_an_example(self, encoding):
        chance = random.Random(0)
        for length in [*range(140), 5460, 5461, 16384, 20000]:
            record = draw_record(chance, length)
            self.assertEqual(schema.encode(record, encoding), make_example(record, encoding), length)

    @parameterized.parameters(*ENCODINGS)
    def test_levels_that_do_not_lie_in_one_piece_are_stored_row_by_row(self, encoding):
        levels = draw_levels(1, 39, 8).T
        whole = Record("a", np.ascontiguousarray(levels), [1])
        self.assertEqual(schema.encode(Record("a", levels, [1]), encoding), schema.encode(whole, encoding))

    def test_uint8_takes_a_quarter_of_float32(self):
        sizes = [len(schema.encode(RECORDS[0], encoding)) for encoding in ("float32", "uint8")]
        self.assertAllInRange(np.array(sizes) - [4 * 312, 312], 0, schema.OVERHEAD_BYTES)


class DecodeTest(parameterized.TestCase, tf.test.TestCase):
    def assert_decodes(self, record: Record, data: bytes, encoding: str):
        key, levels, label = schema.decode(data, encoding)
        self.assertEqual((key, label, levels.dtype), (record.key, record.label, np.uint8))
        self.assertAllEqual(levels, record.levels)

    @parameterized.parameters(*ENCODINGS)
    def test_returns_the_record(self, encoding):
        chance = random.Random(1)
        for record in [*RECORDS, *(draw_record(chance, length) for length in range(40))]:
            self.assert_decodes(record, schema.encode(record, encoding), encoding)

    @parameterized.product(encoding=ENCODINGS, label=[[], [0], [2**40, 127, 128]])
    def test_reads_what_tensorflow_wrote(self, encoding, label):
        record = Record("春.png", draw_levels(1, 8, 39), label)
        self.assert_decodes(record, make_example(record, encoding), encoding)

    def test_reads_fields_in_any_order_and_none_that_is_cut_off(self):
        record = Record("a", draw_levels(1, 2, 3), [1, 2, 300])
        fields = tf.train.Example.FromString(make_example(record, "uint8")).features.feature
        for order in itertools.permutations(fields):
            entries = [tf.train.Features(feature={name: fields[name]}).SerializeToString() for name in order]
            body = b"".join(entries)
            data = b"\n" + bytes((len(body),)) + body
            self.assert_decodes(record, data, "uint8")
            for cut in range(1, len(entries[-1])):
                with self.assertRaises(ValueError):
                    schema.decode(data[:-cut], "uint8")

    @parameterized.parameters(*ENCODINGS)
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")  # damaged float32 pixels that are no numbers
    def test_damaged_bytes_give_a_record_or_a_value_error(self, encoding):
        whole, chance, refused = schema.encode(RECORDS[2], encoding), random.Random(2), 0
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 1, 3))):
                # Fields' names and lengths stand at both ends, pixels between.
                data[chance.choice((1, -1)) * chance.randrange(70)] = chance.randrange(256)
            try:
                self.assertEqual(schema.decode(bytes(data), encoding).levels.dtype, np.uint8)
            except ValueError:
                refused += 1
        self.assertGreater(refused, 1000)

    @parameterized.parameters(*ENCODINGS)
    def test_a_record_cut_off_anywhere_is_no_record(self, encoding):
        whole = schema.encode(RECORDS[0], encoding)
        for length in range(len(whole)):
            with self.assertRaises(ValueError):
                schema.decode(whole[:length], encoding)

    @parameterized.named_parameters(
        ("without_a_field", make_example(RECORDS[0], "uint8").replace(b"width", b"depth")),
        ("of_another_pixel_size", schema.encode(RECORDS[0], "float32")),
        ("of_another_wire_type", b"\x08" + schema.encode(RECORDS[0], "uint8")[1:]),
        ("of_no_features", b"\n\0"),
        ("of_another_protocol", b"\0" * 9),
        ("of_text", "一行文字".encode()),
    )
    def test_bytes_of_something_else_are_no_record(self, data):
        with self.assertRaises(ValueError):
            schema.decode(data, "uint8")

    @parameterized.product(name=["height", "width"], values=[[], [0], [-1], [7], [2**62]])
    def test_a_size_that_the_pixels_do_not_have_is_no_record(self, name, values):
        example = tf.train.Example.FromString(make_example(RECORDS[0], "uint8"))
        example.features.feature[name].int64_list.value[:] = values
        with self.assertRaises(ValueError):
            schema.decode(example.SerializeToString(), "uint8")


@parameterized.product(how=[parse_eagerly, parse_in_a_function, parse_in_a_map], encoding=ENCODINGS)
class ParseTest(parameterized.TestCase, tf.test.TestCase):
    def test_images_are_bit_identical_to_the_normalised_levels(self, how, encoding):
        batch = how([schema.encode(record, encoding) for record in RECORDS], encoding)
        expected = np.stack([images.normalise(record.levels) for record in RECORDS])[..., None]
        self.assertEqual((batch["image"].dtype, batch["image"].shape), (tf.float32, (3, 8, 39, 1)))
        self.assertEqual(batch["image"].numpy().tobytes(), expected.tobytes())

    def test_labels_of_different_lengths_are_padded_with_no_class(self, how, encoding):
        batch = how([schema.encode(record, encoding) for record in RECORDS], encoding)
        self.assertEqual(batch["label"].dtype, tf.int32)
        self.assertAllEqual(
            batch["label"],
            [[0, 5, 5, -1, -1], [127, -1, -1, -1, -1], [128, 16383, 16384, 3_000_000, 1]],
        )
        self.assertAllEqual(batch["label_length"], [3, 1, 5])

    def test_frames_weights_and_keys_are_those_of_the_lines(self, how, encoding):
        batch = how([schema.encode(record, encoding) for record in RECORDS], encoding)
        self.assertAllEqual(batch["frames"], [5, 5, 5])
        self.assertAllEqual(batch["width"], [39, 39, 39])
        self.assertAllEqual(batch["weight"], [1, 1, 1])
        self.assertEqual([key.decode() for key in batch["key"].numpy()], [record.key for record in RECORDS])
        self.assertEqual(
            {name: batch[name].dtype for name in ("frames", "width", "label_length", "weight", "key")},
            {
                "frames": tf.int32,
                "width": tf.int32,
                "label_length": tf.int32,
                "weight": tf.float32,
                "key": tf.string,
            },
        )


@parameterized.product(how=[parse_eagerly, parse_in_a_function, parse_in_a_map], encoding=ENCODINGS)
class ParseAnyWidthTest(parameterized.TestCase, tf.test.TestCase):
    def parse(self, how, encoding, **options) -> dict:
        records = [schema.encode(record, encoding) for record in ANY_WIDTH]
        return how(records, encoding, geometry=Geometry(8, 0), padded_width=24, **options)

    def test_each_line_is_unchanged_at_the_left(self, how, encoding):
        batch = self.parse(how, encoding)
        self.assertEqual((batch["image"].dtype, batch["image"].shape), (tf.float32, (3, 8, 24, 1)))
        self.assertAllEqual(batch["width"], [24, 7, 15])
        self.assertAllEqual(batch["frames"], [3, 1, 2])
        for record, image in zip(ANY_WIDTH, batch["image"].numpy(), strict=True):
            own = image[:, : record.levels.shape[1], 0]
            self.assertEqual(own.tobytes(), images.normalise(record.levels).tobytes())

    def test_pixels_stay_uint8_without_normalisation(self, how, encoding):
        batch = self.parse(how, encoding, normalised=False)
        self.assertEqual(batch["image"].dtype, encoding)
        for record, image in zip(ANY_WIDTH, batch["image"].numpy(), strict=True):
            stored = images.normalise(record.levels) if encoding == "float32" else record.levels
            self.assertEqual(image[:, : record.levels.shape[1], 0].tobytes(), stored.tobytes())


class EncodingsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(*ENCODINGS)
    def test_a_record_of_another_size_is_not_parsed(self, encoding):
        record = schema.encode(Record("a.png", draw_levels(1, 8, 48), [1]), encoding)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            parse(tf.constant([record]), encoding)

    @parameterized.product(encoding=ENCODINGS, height=[7, 9])
    def test_a_record_of_any_width_and_another_height_is_not_parsed(self, encoding, height):
        record = schema.encode(Record("a.png", draw_levels(1, height, 24), [1]), encoding)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            parse(tf.constant([record]), encoding, geometry=Geometry(8, 0), padded_width=24)

    @parameterized.parameters("float16", "", "UINT8")
    def test_refuses_an_unknown_encoding(self, encoding):
        with self.assertRaisesWithLiteralMatch(
            UserError,
            f"image encoding: received {encoding!r}, expected float32 or uint8. Set --image_encoding.",
        ):
            schema.check_encoding(encoding)


if __name__ == "__main__":
    tf.test.main()
