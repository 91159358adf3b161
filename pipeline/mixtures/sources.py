"""The data sets that a training draws lines from, and their weights: the values of --data."""

import collections
import dataclasses
import fractions
import itertools
import math
import re
from collections.abc import Sequence

from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

_WEIGHTED = re.compile(r"(.+)=([0-9]+(?:\.[0-9]+)?)", re.DOTALL)

# Limit of the sum of all shares. With batches of 10,000 lines, 2 * position * share then stays below 2**63 for
# more than 10**8 steps.
MOST_SHARES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set of a training.

    Attributes:
      folder: The data set, a local folder or a URL.
      weight: Lines of this data set for each line of a data set of weight 1.
      name: Its name in metrics; empty where there is only one data set.

    Raises:
      UserError: the weight is not more than 0.
    """

    folder: str
    weight: fractions.Fraction = fractions.Fraction(1)
    name: str = ""

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise UserError(
                f"weight of data set {self.folder}",
                received=str(self.weight),
                expected="a number above 0",
                remedy="Leave the data set out, or give it a weight above 0.",
            )


Data = str | Sequence[Source]  # a single data set's folder, or the data sets of a mixture


def parse_sources(values: Sequence[str]) -> tuple[Source, ...]:
    """Parses the values of --data.

    A single value is a path. Of several, each is PATH, with a weight of 1, or PATH=WEIGHT: what follows the
    last `=` is the weight if it is a decimal number. A path that ends like a weight gets one: `lines=2=1`.

    Raises:
      UserError: a weight is 0, or a data set is named twice.
    """
    if len(values) < 2:
        return tuple(Source(value) for value in values)
    matches = [(value, _WEIGHTED.fullmatch(value)) for value in values]
    return list_sources(
        [Source(match[1], fractions.Fraction(match[2])) if match else Source(value) for value, match in matches]
    )


def list_sources(data: Data) -> tuple[Source, ...]:
    """Returns the data sets of a training; those of a mixture with names that differ.

    A name is that of the folder. A second data set of that name gets a number: lines, lines-2.

    Raises:
      UserError: a data set is named twice.
    """
    if isinstance(data, str):
        return (Source(data),)
    if len(data) == 1:
        return (dataclasses.replace(data[0], name=""),)
    _check_different(data)
    named: dict[str, Source] = {}
    for source in data:
        name = source.name or storage.absolute(source.folder).rstrip("/").rpartition("/")[2] or "data"
        choices = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        free = next(choice for choice in choices if choice not in named)
        named[free] = dataclasses.replace(source, name=free)
    return tuple(named.values())


def simplify_data(data: Data) -> str | tuple[Source, ...]:
    """Returns the folder of a single data set, or the data sets of a mixture."""
    sources = list_sources(data)
    return sources[0].folder if len(sources) == 1 else sources


def count_shares(sources: Sequence[Source]) -> tuple[int, ...]:
    """Returns the weights as the smallest whole numbers in the same proportion.

    Raises:
      UserError: their sum is above MOST_SHARES.
    """
    scale = math.lcm(*(source.weight.denominator for source in sources))
    shares = [int(source.weight * scale) for source in sources]
    divisor = math.gcd(*shares)
    if sum(shares) // divisor > MOST_SHARES:
        raise UserError(
            "weights of --data",
            received=" : ".join(str(share // divisor) for share in shares),
            expected=f"whole numbers in the same proportion whose sum is at most {MOST_SHARES}",
            remedy="Round the weights.",
        )
    return tuple(share // divisor for share in shares)


def format_data(data: Data) -> str:
    """Returns the flags that name these data sets."""
    sources = list_sources(data)
    if len(sources) == 1:
        return f"--data={sources[0].folder}"
    return " ".join(f"--data={source.folder}={float(source.weight):g}" for source in sources)


def _check_different(sources: Sequence[Source]) -> None:
    counts = collections.Counter(storage.absolute(source.folder) for source in sources)
    folder, most = counts.most_common(1)[0]
    if most > 1:
        raise UserError(
            f"data set {folder}",
            received=f"{most} times",
            expected="each data set once",
            remedy="Give it once, with a larger weight: --data=PATH=WEIGHT.",
        )
