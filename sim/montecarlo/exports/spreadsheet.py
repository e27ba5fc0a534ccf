"""CSV that people open in spreadsheets, where some texts are formulas.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is run when the file
is opened. Names come from scenarios that others have written, so such a text gets an apostrophe
before it, as OWASP advises; numbers stay what they are.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("-3.5"), harmless("llama-3.1-8b")
    ("'=1+1", '-3.5', 'llama-3.1-8b')
    """
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def csv_text(frame: "pd.DataFrame") -> str:
    """A table as CSV without its index."""
    import pandas as pd  # noqa: PLC0415 (a third of a second, which the bill of a world needs not)

    safe = frame.rename(columns=_harmless_text)
    for name in safe.select_dtypes(exclude=["number", "bool"]).columns:
        cells = [_harmless_text(cell) for cell in safe[name]]
        safe[name] = pd.Series(cells, index=safe.index, dtype=object)  # which converts no number
    return str(safe.to_csv(index=False))


def _harmless_text(cell: object) -> object:
    return harmless(cell) if isinstance(cell, str) else cell
