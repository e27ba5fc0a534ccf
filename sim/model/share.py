"""Shares as people write them."""

from sim.errors import PeakfleetError


def read_share(value: str | float, ends: bool = False) -> float:
    """A share, written as ``95%`` or ``0.95``.

    Parameters
    ----------
    value : str or float
    ends : bool
        Whether it may be 0 or 1.

    Raises
    ------
    PeakfleetError
        If it is none.

    Examples
    --------
    >>> read_share("95%"), read_share("1", ends=True)
    (0.95, 1.0)
    """
    text = str(value)
    try:
        share = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        share = -1.0
    if not (0.0 <= share <= 1.0 if ends else 0.0 < share < 1.0):
        raise PeakfleetError(f"{value!r} is not between 0 and 100 %, such as 95% or 0.95")
    return share
