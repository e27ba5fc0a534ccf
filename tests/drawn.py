"""Cases that are drawn, each by a seed of its own."""

from collections.abc import Callable
from random import Random
from typing import Any

from strategies import Strategy, tuples


def drawn_anew(
    times: int, *strategies: Strategy[Any]
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Check so many cases.

    Parameters
    ----------
    times : int
    *strategies : Strategy
        Of each argument of what is decorated.
    """

    def decorate(check: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            for number in range(times):
                checked(number, check, *strategies)

        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(test, name, getattr(check, name))
        return test

    return decorate


def checked(number: int, check: Callable[..., None], *strategies: Strategy[Any]) -> None:
    """Check the case of a number; where it fails, say which that was."""
    case = tuples(*strategies).drawn(Random(number))
    try:
        check(*case)
    except BaseException as error:
        error.add_note(f"this is of the case drawn with seed {number}: {case}")
        raise
