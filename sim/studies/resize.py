"""The smallest number for which something holds, where more never hurts."""

from collections.abc import Callable


def smallest(holds: Callable[[int], bool], start: int, most: int, least: int = 1) -> int | None:
    """The smallest number from ``least`` to ``most`` for which ``holds``; None if for none.

    ``holds`` is monotone: once it holds it does so for every larger number. From the guess
    ``start`` the steps double until the answer is enclosed, which is then halved; a guess that is
    off by d costs about 2·log2(d) looks.

    Examples
    --------
    >>> looks = []
    >>> smallest(lambda n: looks.append(n) or n >= 13, start=10, most=100), looks
    (13, [10, 11, 13, 12])
    """
    low, high = least - 1, most + 1  # fails at low, holds at high, as far as is known
    trial, step = min(max(start, least), most), 1
    while high - low > 1:
        if holds(trial):
            high = trial
        else:
            low = trial
        if low == least - 1:
            trial = max(high - step, least)
        elif high == most + 1:
            trial = min(low + step, most)
        else:
            trial = (low + high) // 2
        step *= 2
    return high if high <= most else None
