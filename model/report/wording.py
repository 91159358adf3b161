"""Numbers as the report's page writes them."""

# Stands where there is nothing to tell.
NONE = "–"


def tell_share(share: float | None) -> str:
    """A share of 1 in per cent; only what is 0 or 1 looks like it."""
    return NONE if share is None else f"{_write(100 * share, 2, 100)}%"


def tell_interval(interval: tuple[float, float]) -> str:
    """An interval of shares."""
    low, high = map(tell_share, interval)
    return f"{low.removesuffix('%')}–{high}"


def tell_count(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def tell_confidence(confidence: float) -> str:
    """A confidence from 0 to 1; only what is 0 or 1 looks like it."""
    return _write(confidence, 3, 1)


def _write(value: float, decimals: int, whole: int) -> str:
    """A number from 0 to `whole`, with more decimals where those would make it one of the two."""
    if value <= 0 or value >= whole:
        return "0" if value <= 0 else str(whole)
    texts = (f"{value:.{digits}f}" for digits in range(decimals, 17))
    return next((text for text in texts if 0 < float(text) < whole), repr(value))
