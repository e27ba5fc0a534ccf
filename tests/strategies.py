"""Strategies as Hypothesis has them, without what it needs to shrink what it finds.

A fleet with its traffic takes Hypothesis as long to draw as it takes to be simulated. Most of what
it is made of are figures of a generator whose seed is drawn, and those never shrink. So each is
drawn here by a seed of its own, and a case that fails is named by it.

The ends of a range are drawn more often than what lies between.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from random import Random
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
U = TypeVar("U")

AT_AN_END = 1 / 16  # chance of each end of a range


class Strategy(Generic[T]):
    """How something is drawn."""

    def __init__(self, drawn: Callable[[Random], T]) -> None:
        self.drawn = drawn

    def map(self, function: Callable[[T], U]) -> "Strategy[U]":
        """What a function makes of it."""
        return Strategy(lambda rng: function(self.drawn(rng)))

    def flatmap(self, function: Callable[[T], "Strategy[U]"]) -> "Strategy[U]":
        """What is drawn as a function of it says."""
        return Strategy(lambda rng: function(self.drawn(rng)).drawn(rng))

    def filter(self, holds: Callable[[T], Any]) -> "Strategy[T]":
        """The first for which something holds."""

        def drawn(rng: Random) -> T:
            while not holds(value := self.drawn(rng)):
                pass
            return value

        return Strategy(drawn)

    def __or__(self, other: "Strategy[U]") -> "Strategy[T | U]":
        return one_of(self, other)


class DrawFn(Protocol):
    """Draws something."""

    def __call__(self, strategy: Strategy[T], /) -> T: ...


def composite(function: Callable[..., T]) -> Callable[..., Strategy[T]]:
    """A strategy of what a function makes of what it draws."""

    @wraps(function)
    def strategy(*args: Any, **kwargs: Any) -> Strategy[T]:
        return Strategy(lambda rng: function(lambda each: each.drawn(rng), *args, **kwargs))

    return strategy


def integers(least: int, most: int) -> Strategy[int]:
    """Both ends among them."""
    return _within(least, most, Random.randint)


def floats(least: float, most: float) -> Strategy[float]:
    """Both ends among them."""
    return _within(least, most, Random.uniform)


def _within(least: T, most: T, between: Callable[[Random, Any, Any], T]) -> Strategy[T]:
    def drawn(rng: Random) -> T:
        luck = rng.random()
        if luck < AT_AN_END:
            return least
        return most if luck > 1 - AT_AN_END else between(rng, least, most)

    return Strategy(drawn)


def booleans() -> Strategy[bool]:
    """Either as often as the other."""
    return Strategy(lambda rng: rng.random() < 0.5)


def sampled_from(values: Sequence[T]) -> Strategy[T]:
    """Any of some values."""
    return Strategy(lambda rng: rng.choice(values))


def one_of(*strategies: Strategy[Any]) -> Strategy[Any]:
    """As any of some strategies says."""
    return Strategy(lambda rng: rng.choice(strategies).drawn(rng))


def lists(
    values: Strategy[T], min_size: int = 0, max_size: int = 10, unique: bool = False
) -> Strategy[list[T]]:
    """Of any length; where they are to be ``unique``, without those that came before."""
    size = integers(min_size, max_size)

    def drawn(rng: Random) -> list[T]:
        every = [values.drawn(rng) for _ in range(size.drawn(rng))]
        return list(dict.fromkeys(every)) if unique else every

    return Strategy(drawn)


def tuples(*strategies: Strategy[Any]) -> Strategy[tuple[Any, ...]]:
    """One value of each strategy."""
    return Strategy(lambda rng: tuple(each.drawn(rng) for each in strategies))


def builds(function: Callable[..., T], *strategies: Strategy[Any]) -> Strategy[T]:
    """What a function makes of them."""
    return tuples(*strategies).map(lambda values: function(*values))
