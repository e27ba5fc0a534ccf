"""Dates as logs write them, as ISO 8601.

==========================================  ===================================================
``2026-07-01 10:00:00.123+00``              ISO 8601, with a blank or T, in a zone or none
``2026-07-01 10:00:00 +0200``, ``… UTC``    with a blank before the zone
``2026-07-01 10:00:00,123``                 with a decimal comma
``2026/07/01 10:00:00``                     with slashes, the year first
``01/Jul/2026:10:00:00 +0000``              nginx and Apache
``01.07.2026 10:00``                        day, month, year
``07/13/2026 10:00``, ``13/07/2026 10:00``  with slashes, where a row tells the day from the month
==========================================  ===================================================
"""

from typing import Any, Final

import pyarrow.compute as pc

MOMENT = "must be a date and time such as 2026-11-23 18:15:46.6805900"
MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
COMMON_LOG: Final = r"^(\d{2})/(\d{2})/(\d{4}):(\d{2}:\d{2}:\d{2})"
POINTS: Final = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})\b"
SLASHES: Final = r"^(\d{1,2})/(\d{1,2})/(\d{4})\b"
YEAR_FIRST: Final = r"^(\d{4})/(\d{2})/(\d{2})\b"


def as_iso(column: Any) -> Any:
    """Texts of dates in the order of ISO 8601, where they can be told; others as they are."""
    first = column[0].as_py() or ""
    if first[2:3] == "/" and first[3:4].isalpha():
        for number, name in enumerate(MONTHS, start=1):
            column = pc.replace_substring(column, f"/{name}/", f"/{number:02d}/")
        column = pc.replace_substring_regex(column, COMMON_LOG, r"\3-\2-\1T\4")
    elif "/" in first[:5]:
        column = pc.replace_substring_regex(column, YEAR_FIRST, r"\1-\2-\3")
        column = _of_slashes(column)
    elif "." in first[:3]:
        column = _padded(pc.replace_substring_regex(column, POINTS, r"\3-\2-\1"))
    if "," in first:
        column = pc.replace_substring_regex(column, r"(\d),(\d)", r"\1.\2")
    if " " in first[10:]:
        column = pc.replace_substring_regex(column, r"^(\S+ \S+|\S+T\S+) (UTC|GMT|Z)$", r"\1Z")
        column = pc.replace_substring_regex(column, r"^(\S+[T ]\S+) ([+-]\d)", r"\1\2")
    return column


def _of_slashes(column: Any) -> Any:
    """Day and month, whichever is above 12 in some row; as they are where none is."""
    parts = pc.extract_regex(column, r"^(?P<a>\d{1,2})/(?P<b>\d{1,2})/\d{4}")
    most = [pc.max(pc.struct_field(parts, name).cast("int64")).as_py() or 0 for name in "ab"]
    if (most[0] > 12) == (most[1] > 12):
        return column
    order = r"\3-\2-\1" if most[0] > 12 else r"\3-\1-\2"
    return _padded(pc.replace_substring_regex(column, SLASHES, order))


def _padded(column: Any) -> Any:
    """Months and days of two digits."""
    column = pc.replace_substring_regex(column, r"^(\d{4})-(\d)-", r"\1-0\2-")
    return pc.replace_substring_regex(column, r"^(\d{4}-\d{2})-(\d)(\D|$)", r"\1-0\2\3")
