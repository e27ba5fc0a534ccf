"""Values of the columns of a trace: times, delays and numbers of tokens, from Arrow arrays."""

from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.model.lengths import MAX_TOKENS

Unit = Literal["datetime", "s", "ms", "us", "ns"]
Times = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Tokens = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

NOTHING = pa.array(["", "None", "null"])  # as a text
WHOLE = f"must be a whole number of tokens, at most {MAX_TOKENS}"
MOMENT = "must be a date and time such as 2026-11-23 18:15:46.6805900"


class BadValueError(ValueError):
    """A value that keeps a rule not, by its row within a batch."""

    def __init__(self, row: int, value: object, rule: str) -> None:
        super().__init__(rule)
        self.row, self.value, self.rule = row, value, rule


def times_of(column: Any, unit: Unit) -> Times:
    """Times in the unit, integers if whole; nanoseconds if they are dates."""
    if unit == "datetime":
        return _dates(column)
    rule = f"must be a number in {unit}; give the unit datetime for dates"
    return _integers(column) if _fits(column, pa.int64()) else _floats(column, rule)


def delays_of(column: Any) -> FloatArray:
    """Delays in the file's unit, NaN where there is none."""
    if _is_text(column):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.is_in(text, NOTHING), None, text)
    given = np.flatnonzero(~column.is_null().to_numpy(zero_copy_only=False))
    delay = np.full(len(column), np.nan)
    rule = "must be a number, at least 0"
    try:
        delay[given] = _floats(column.drop_null(), rule)
    except BadValueError as error:
        raise BadValueError(int(given[error.row]), error.value, rule) from None
    if (delay < 0).any():
        row = int(np.argmax(delay < 0))
        raise BadValueError(row, float(delay[row]), rule)
    return delay


def missing(column: Any) -> BoolArray:
    """Whether each value is not there."""
    missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    if _is_text(column):
        empty = pc.is_in(pc.utf8_trim_whitespace(column), NOTHING)
        missing |= np.asarray(pc.fill_null(empty, True).to_numpy(zero_copy_only=False))
    return missing


def times_but(untimed: BoolArray, column: Any, unit: Unit) -> Times:
    """Times of all rows but some, which have 0."""
    timed = np.flatnonzero(~untimed)
    try:
        given = times_of(column.filter(pa.array(~untimed)), unit)
    except BadValueError as error:
        raise BadValueError(int(timed[error.row]), error.value, error.rule) from None
    times = np.zeros(len(untimed), given.dtype)
    times[timed] = given
    return cast(Times, times)


def _dates(column: Any) -> npt.NDArray[np.int64]:
    """Nanoseconds since 1970, from ISO 8601 text or Arrow timestamps, in a time zone or not."""
    if pa.types.is_timestamp(column.type):
        zone = column.type.tz
    elif _is_text(column):
        column = pc.utf8_trim_whitespace(column)
        zone = None if _fits(column.slice(0, 1), pa.timestamp("ns")) else "UTC"
    else:
        raise BadValueError(0, column[0].as_py(), f"{MOMENT}; give the unit of a number")
    return _integers(_cast(column, pa.timestamp("ns", zone), MOMENT))


def tokens_of(column: Any) -> Tokens:
    """Whole numbers, also where they are written 12.0."""
    if _fits(column, pa.int64()):
        tokens = _integers(column)
        odd = tokens > MAX_TOKENS
    else:
        values = _floats(column, WHOLE)
        odd = (values != np.floor(values)) | (np.abs(values) > MAX_TOKENS)
        tokens = np.where(odd, 0, values).astype(np.int64)
    if odd.any():
        row = int(odd.argmax())
        raise BadValueError(row, column[row].as_py(), WHOLE)
    return tokens


def _is_text(column: Any) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _fits(column: Any, kind: Any) -> bool:
    """Whether every value converts without loss."""
    try:
        _cast(column, kind, "")
    except BadValueError:
        return False
    return True


def _cast(column: Any, kind: Any, rule: str) -> Any:
    """Convert an Arrow array; the first value that does not convert raises BadValueError."""
    text = pc.utf8_trim_whitespace(column) if _is_text(column) else column
    try:
        if text.null_count == 0:
            return text.cast(kind)
    except pa.ArrowException:
        pass
    good, bad = 0, len(text)  # the first `good` rows convert, the first `bad` do not
    while bad - good > 1:
        middle = (good + bad) // 2
        if _converts(text.slice(good, middle - good), kind):
            good = middle
        else:
            bad = middle
    raise BadValueError(good, column[good].as_py(), rule)


def _converts(column: Any, kind: Any) -> bool:
    try:
        column.cast(kind)
    except pa.ArrowException:
        return False
    return bool(column.null_count == 0)


def _integers(column: Any) -> npt.NDArray[np.int64]:
    """An Arrow array of (what fits) integers as NumPy's."""
    return np.asarray(_cast(column, pa.int64(), "").to_numpy(zero_copy_only=False))


def _floats(column: Any, rule: str) -> npt.NDArray[np.float64]:
    """Finite numbers."""
    values = np.asarray(_cast(column, pa.float64(), rule).to_numpy(zero_copy_only=False))
    finite = np.isfinite(values)
    if not finite.all():
        row = int((~finite).argmax())
        raise BadValueError(row, column[row].as_py(), rule)
    return values
