"""Rules that a model's numbers must keep."""

import math


def require(kept: bool, subject: str, value: object, rule: str) -> None:
    """Raise ValueError ``subject (value) rule`` unless the rule is kept.

    Examples
    --------
    >>> require(-1 >= 0, "sd", -1, "must be at least 0")
    Traceback (most recent call last):
        ...
    ValueError: sd (-1) must be at least 0
    """
    if not kept:
        raise ValueError(f"{subject} ({value}) {rule}")


def require_finite(**values: float) -> None:
    """Raise ValueError for the first value that is infinite or not a number."""
    for subject, value in values.items():
        require(math.isfinite(value), subject, value, "must be a finite number")
