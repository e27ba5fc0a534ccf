"""Values of the columns of a log: times, delays and numbers of tokens, from Arrow arrays."""

from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.catalog.logs.columns import Unit
from sim.catalog.logs.dates import MOMENT, as_iso
from sim.model.lengths import MAX_TOKENS

Times = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Tokens = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

NOTHING: Final = pa.array(
    ["", "-", "None", "none", "null", "NULL", "nan", "NaN", "N/A", "n/a", "NA", "\\N"]
)  # as a text
WHOLE = f"must be a whole number of tokens, at most {MAX_TOKENS}"


class BadValueError(ValueError):
    """A value that keeps a rule not, by its row within a batch."""

    def __init__(self, row: int, value: object, rule: str) -> None:
        super().__init__(rule)
        self.row, self.value, self.rule = row, value, rule


def is_dates(column: Any) -> bool | None:
    """Whether times are dates, by the first that is there; None if none is."""
    if pa.types.is_timestamp(column.type):
        return True
    if not _is_text(column):
        return False if len(column) > column.null_count else None
    there = _blank_to_null(column).drop_null()
    return None if not len(there) else not _fits(there.slice(0, 1), pa.float64())


def times_of(column: Any, unit: Literal["datetime", "number"] | Unit) -> tuple[Times, BoolArray]:
    """Times in the unit, integers if whole, nanoseconds if they are dates; and those not there.

    Times that are not there are 0.
    """
    missing = absent(column)
    if not missing.any():
        return _times(column, unit), missing
    there = np.flatnonzero(~missing)
    try:
        given = _times(column.filter(pa.array(~missing)), unit)
    except BadValueError as error:
        raise BadValueError(int(there[error.row]), error.value, error.rule) from None
    times = np.zeros(len(missing), given.dtype)
    times[there] = given
    return cast(Times, times), missing


def delays_of(column: Any) -> FloatArray:
    """Delays in the file's unit, NaN where there is none."""
    column = _blank_to_null(column)
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


def absent(column: Any) -> BoolArray:
    """Whether each value is not there."""
    return np.asarray(_blank_to_null(column).is_null().to_numpy(zero_copy_only=False))


def tokens_of(column: Any) -> Tokens:
    """Whole numbers, also where they are written 12.0; 0 where there is none."""
    given = _blank_to_null(column)
    if given.null_count == len(given):
        return np.zeros(len(given), np.int64)
    if given.null_count:
        there = np.flatnonzero(np.asarray(given.is_valid().to_numpy(zero_copy_only=False)))
        tokens = np.zeros(len(given), np.int64)
        try:
            tokens[there] = tokens_of(given.drop_null())
        except BadValueError as error:
            raise BadValueError(int(there[error.row]), error.value, error.rule) from None
        return tokens
    if pa.types.is_integer(given.type) or _fits(given, pa.int64()):
        tokens = _integers(given)
        odd = tokens > MAX_TOKENS
    else:
        values = _floats(given, WHOLE)
        odd = (values != np.floor(values)) | (np.abs(values) > MAX_TOKENS)
        tokens = np.where(odd, 0, values).astype(np.int64)
    if odd.any():
        row = int(odd.argmax())
        raise BadValueError(row, column[row].as_py(), WHOLE)
    return tokens


def _times(column: Any, unit: str) -> Times:
    if unit == "datetime":
        return _dates(column)
    what = "a number" if unit == "number" else f"a number in {unit}"
    rule = f"must be {what}; give the unit datetime for dates"
    if pa.types.is_timestamp(column.type):
        raise BadValueError(0, str(column[0].as_py()), f"must be {what}, and is a date")
    return _integers(column) if _fits(column, pa.int64()) else _floats(column, rule)


def _dates(column: Any) -> npt.NDArray[np.int64]:
    """Nanoseconds since 1970, from text or Arrow timestamps, in a time zone or not."""
    if not len(column):
        return np.zeros(0, np.int64)
    if pa.types.is_timestamp(column.type):
        zone = column.type.tz
    elif _is_text(column):
        column = as_iso(pc.utf8_trim_whitespace(column))
        zone = None if _fits(column.slice(0, 1), pa.timestamp("ns")) else "UTC"
    else:
        raise BadValueError(0, column[0].as_py(), f"{MOMENT}; give the unit of a number")
    rule = MOMENT if zone is None else f"{MOMENT}, with a time zone as the rows before"
    return _integers(_cast(column, pa.timestamp("ns", zone), rule))


def _blank_to_null(column: Any) -> Any:
    """Texts without blanks around them, nothing where they say nothing; others as they are."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_null(column.type):
        return column.cast(pa.float64())
    if not _is_text(column):
        return column
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(text, NOTHING), None, text)


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
