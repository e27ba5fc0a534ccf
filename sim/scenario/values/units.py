"""Numbers with units, as people write them: ``90s``, ``2 hours``, ``100k``, ``8%``, ``$2.99``.

Below the scenario everything is in SI and USD; here is the only place that knows other units.
Products of a written number and its unit are taken in decimal, so that ``1.1k`` is exactly 1100.
"""

import re
from decimal import Decimal
from typing import Final, Literal

Kind = Literal["duration", "count", "money", "factor", "share", "size", "bandwidth", "power", "cap"]

_BYTES: Final = {
    "B": Decimal(1), "MB": Decimal(10**6), "GB": Decimal(10**9), "TB": Decimal(10**12),
    "MiB": Decimal(2**20), "GiB": Decimal(2**30), "TiB": Decimal(2**40),
}  # fmt: skip

_BITS: Final = {"M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12)}

UNITS: Final[dict[Kind, dict[str, Decimal]]] = {
    "duration": {
        "us": Decimal("1e-6"),
        "µs": Decimal("1e-6"),
        "ms": Decimal("1e-3"),
        "s": Decimal(1),
        "min": Decimal(60),
        "h": Decimal(3600),
        "d": Decimal(86_400),
        "w": Decimal(604_800),
    },
    "count": {"k": Decimal(1_000), "M": Decimal(1_000_000), "B": Decimal(1_000_000_000)},
    "money": {
        "USD": Decimal(1),
        "kUSD": Decimal(1_000),
        "MUSD": Decimal(1_000_000),
        "k": Decimal(1_000),
        "M": Decimal(1_000_000),
    },
    "factor": {"x": Decimal(1), "%": Decimal("0.01")},
    "share": {"%": Decimal("0.01")},
    "size": _BYTES,
    "bandwidth": {
        **{f"{unit}/s": size for unit, size in _BYTES.items()},
        **{f"{prefix}bit/s": size / 8 for prefix, size in _BITS.items()},
        **{f"{prefix}bps": size / 8 for prefix, size in _BITS.items()},
        **{f"{prefix}b/s": size / 8 for prefix, size in _BITS.items()},  # a small b is a bit
    },
    "power": {"W": Decimal(1), "kW": Decimal(1_000), "MW": Decimal(1_000_000)},
    "cap": {"%": Decimal("0.01"), "W": Decimal(1), "kW": Decimal(1_000)},
}

EXPECTED: Final[dict[Kind, str]] = {
    "duration": "a duration such as 90s, 15min, 2h or 7d",
    "count": "a number such as 250, 100k or 1.5M",
    "money": "an amount such as 2.99 or 2.99 USD",
    "factor": "a number such as 1.5 or 150%",
    "share": "a share such as 0.08 or 8%",
    "size": "a number of bytes such as 140 GB",
    "bandwidth": "bytes per second such as 2 GB/s, or bits such as 400 Gbit/s",
    "power": "a power such as 560 W or 100 kW",
    "cap": "a share such as 80%, or a power such as 560 W",
}

# How people write the same units in words; plurals and capitals besides.
_WORDS: Final[dict[Kind, dict[str, str]]] = {
    "duration": {
        "msec": "ms", "millisecond": "ms", "microsecond": "us",
        "sec": "s", "second": "s", "minute": "min", "hr": "h", "hour": "h",
        "day": "d", "wk": "w", "week": "w",
    },
    "count": {"thousand": "k", "mn": "M", "mio": "M", "million": "M", "bn": "B", "billion": "B"},
    "money": {"dollar": "USD"},
    "factor": {"time": "x", "percent": "%", "pct": "%"},
    "share": {"percent": "%", "pct": "%"},
}  # fmt: skip
_OF_ANY_CASE: Final = ("duration", "money", "factor", "share")  # a count's m is no M

_NUMBER = r"[-+]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_TERM = re.compile(rf"\s*({_NUMBER})\s*([^\W\d_]+(?:/s)?|%)?\s*")
_DOLLARS = re.compile(
    r"^\s*([-+]?)\s*(?:US\$|\$|USD\b)\s*(.*?)\s*$|^()(.*?)\s*\$\s*$", re.IGNORECASE
)
_THOUSANDS = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?![\d,])")
_POINTS = re.compile(r"^\s*([1-9]\d{0,2})\.000\s*$")  # of thousands, or of no fraction
_THOUSANDS_OF_USD = re.compile(r"(?<=\d)(\s*[kM])\s+(?:USD|dollars?)\s*$", re.IGNORECASE)
_COMMA = re.compile(r"(?<![\d,.])(\d+),(\d+)(?![\d,.])")
_PER_CENT = re.compile(r"(?<=\d)\s*per\s+cent\s*$", re.IGNORECASE)
# 1h30, 1h30m: what follows the hours can only be minutes.
_CLOCK = re.compile(r"(?<=\d)\s*h(?:\s*(\d{1,2})\s*m|(\d{2}))\s*$", re.IGNORECASE)
_LONGEST = 40  # characters; no honest quantity is longer


class UnitError(ValueError):
    """A text that is not a quantity of the kind asked."""


def parse_quantity(text: str, kind: Kind) -> float:
    """The value of a written quantity in SI units or USD.

    A duration may be a sum, ``1h 30min`` or ``1h30``; its first term carries the sign of all.

    Raises
    ------
    UnitError
        With a message that says what was expected.

    Examples
    --------
    >>> parse_quantity("15min", "duration"), parse_quantity("1.5M", "count")
    (900.0, 1500000.0)
    >>> parse_quantity("8%", "share"), parse_quantity("$2,99", "money")
    (0.08, 2.99)
    """
    terms = _terms(_in_plain_figures(text, kind))
    if not terms or (len(terms) > 1 and kind != "duration"):
        raise UnitError(f"{shown(text)} must be {EXPECTED[kind]}")
    sums_up = all(unit and not number.is_signed() for number, unit in terms[1:])
    if len(terms) > 1 and not (terms[0][1] and sums_up):
        raise UnitError(f"{shown(text)} must be {EXPECTED[kind]}")
    first, *rest = (number * _scale(text, unit, kind) for number, unit in terms)
    others = sum(rest, start=Decimal(0))
    return float(first - others if first.is_signed() else first + others)


def _in_plain_figures(text: str, kind: Kind) -> str:
    """The same without a dollar sign, and with commas that can mean one thing only resolved.

    Groups of three digits after commas are thousands, and any other comma is a decimal one. A
    single group may be either but in counts and money, where nobody writes three decimals; but
    thousands after a point are asked about.

    Examples
    --------
    >>> _in_plain_figures("US$ 1,234.50", "money"), _in_plain_figures("2,5", "factor")
    ('1234.50', '2.5')
    """
    if len(text) > _LONGEST:
        return text
    if kind == "duration":
        text = _CLOCK.sub(lambda match: f"h {match[1] or match[2]}min", text)
    elif kind in ("share", "factor"):
        text = _PER_CENT.sub("%", text)
    if kind in ("count", "money") and (points := _POINTS.match(text)):
        whole = points[1]
        raise UnitError(f"{shown(text)} can be read in two ways; write {whole} or {whole}000")
    if kind == "money":
        text = _THOUSANDS_OF_USD.sub(r"\1", text)
    if kind == "money" and (dollars := _DOLLARS.match(text)):
        text = (dollars[1] or "") + (dollars[2] or dollars[4] or "")
    if grouped := _THOUSANDS.search(text):
        if kind not in ("count", "money") and grouped[0].count(",") == 1 and "." not in grouped[0]:
            point, none = grouped[0].replace(",", "."), grouped[0].replace(",", "")
            raise UnitError(f"{shown(text)} can be read in two ways; write {point} or {none}")
        return text.replace(grouped[0], grouped[0].replace(",", ""))
    return _COMMA.sub(r"\1.\2", text)


def _terms(text: str) -> list[tuple[Decimal, str]]:
    """Pairs of number and unit that ``text`` consists of; none if it is anything else."""
    terms, end = [], 0
    while len(text) <= _LONGEST and end < len(text):
        match = _TERM.match(text, end)
        if match is None:
            return []
        terms.append((Decimal(match[1].replace("_", "")), match[2] or ""))
        end = match.end()
    return terms


def _scale(text: str, unit: str, kind: Kind) -> Decimal:
    if not unit:
        return Decimal(1)
    try:
        return UNITS[kind][_short(unit, kind)]
    except KeyError:
        units = ", ".join(UNITS[kind])
        raise UnitError(
            f"{shown(text)} must be {EXPECTED[kind]}; '{unit}' is none of {units}"
        ) from None


def _short(unit: str, kind: Kind) -> str:
    """A unit as it stands in the table: ``hours`` is ``h``, ``K`` is ``k``."""
    if unit in UNITS[kind]:
        return unit
    word = unit.casefold()
    words = _WORDS.get(kind, {})
    for each in (word, word.removesuffix("s")):
        if each in words:
            return words[each]
        if kind in _OF_ANY_CASE and each in UNITS[kind]:
            return each
    same = [known for known in UNITS[kind] if known.casefold() == word]
    return same[0] if len(same) == 1 and (kind != "count" or word in ("k", "b")) else unit


def format_duration(seconds: float) -> str:
    """The duration in the largest unit that shows it exactly, else in seconds.

    Examples
    --------
    >>> format_duration(5400), format_duration(7200), format_duration(0.05)
    ('90min', '2h', '50ms')
    """
    exact = Decimal(repr(float(seconds)))
    for unit in ("d", "h", "min", "s", "ms"):
        whole = exact / UNITS["duration"][unit]
        if whole == whole.to_integral_value() and abs(whole) >= 1:
            return f"{whole:.0f}{unit}"
    return f"{float(seconds):g}s" if float(f"{seconds:g}") == seconds else f"{float(seconds)!r}s"


def shown(value: object) -> str:
    """A value as an error message shows it: short, on one line."""
    match value:
        case None | bool():
            text = {None: "nothing", True: "true", False: "false"}[value]
        case dict():
            text = "a mapping" if value else "an empty mapping"
        case list():
            text = f"a list of {len(value)}" if value else "an empty list"
        case str():
            text = f"'{_one_line(value)}'"
        case int() if abs(value) < 10**15:
            text = str(value)
        case int() | float():
            text = f"{value:.10g}"
        case _:
            text = str(value)
    return text


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{line[: _LONGEST - 3]}..." if len(line) > _LONGEST else line
