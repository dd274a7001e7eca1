"""Numbers as readers want them: a real minus sign, few decimals, units that fit."""

from collections.abc import Sequence


def plain(value: float) -> str:
    """Return a number with three decimals."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def signed(value: float) -> str:
    """Return a difference with three decimals and its sign, where any of them is not 0."""
    rounded = round(value, 3)
    return f"{rounded:+.3f}".replace("-", "−") if rounded else "0.000"


def probability(value: float) -> str:
    """Return a p-value with two digits."""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def half_width(low: float | None, high: float | None) -> str | None:
    """Return half of an interval, or nothing where there is none."""
    if low is None or high is None:
        return None
    half = (high - low) / 2
    return "< 0.001" if 0 < half < 0.0005 else plain(half)


def span(low: float, high: float) -> str:
    """Return an interval of differences."""
    return f"95% interval {signed(low)} to {signed(high)}"


def listed(parts: Sequence[str]) -> str:
    """Return parts that hold commas as one enumeration."""
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"


def duration(seconds: float | None) -> str:
    """Return a time such as ``1 h 02 min`` or ``3.4 s``."""
    if seconds is None:
        return "unknown"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        return f"{int(seconds + 0.5) // 60} min {int(seconds + 0.5) % 60:02d} s"
    minutes = int(seconds / 60 + 0.5)
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def size(count: int | None) -> str:
    """Return an amount of memory such as ``640 MB``."""
    if count is None:
        return "unknown"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
