"""Numbers as the report's page writes them."""


def tell_share(share: float | None) -> str:
    """A share of 1 in per cent; with more decimals than two where those would make it 0% or 100%."""
    if share is None:
        return "–"
    percent = 100 * share
    if percent in (0, 100):
        return f"{percent:.0f}%"
    texts = (f"{percent:.{digits}f}" for digits in range(2, 17))
    return next((text for text in texts if float(text) not in (0, 100)), f"{percent}") + "%"


def tell_interval(interval: tuple[float, float]) -> str:
    """An interval of shares."""
    low, high = map(tell_share, interval)
    return f"{low} to {high}"


def tell_count(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def tell_confidence(confidence: float) -> str:
    """A confidence with three decimals; less than 1 never looks like 1."""
    text = f"{confidence:.3f}"
    return ">0.999" if text == "1.000" and confidence < 1 else text
