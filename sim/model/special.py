"""Special functions of distributions: those of SciPy, which is imported when one is called.

That takes a quarter of a second, and a run of a few worlds gets by with the normal ones, which
:mod:`sim.model.normal` computes itself where values are few.
"""

from functools import cache
from types import ModuleType
from typing import Any

from sim.model.normal import ndtr, ndtri

__all__ = [
    "bdtr", "betainc", "betaincinv", "gammainc", "gammaincc", "gammaincinv",
    "gammaln", "ndtr", "ndtri", "stdtrit",
]  # fmt: skip


@cache
def _scipy() -> ModuleType:
    from scipy import special  # noqa: PLC0415

    return special


def bdtr(k: Any, n: Any, p: Any) -> Any:
    """P(N <= k) of a binomial(n, p) number N."""
    return _scipy().bdtr(k, n, p)


def betainc(a: Any, b: Any, x: Any) -> Any:
    """P(X <= x) of a beta(a, b) number X."""
    return _scipy().betainc(a, b, x)


def betaincinv(a: Any, b: Any, p: Any) -> Any:
    """The x with P(X <= x) = p of a beta(a, b) number X; a beta(1, 1) is uniform."""
    if isinstance(a, int) and isinstance(b, int) and a == b == 1:
        return p
    return _scipy().betaincinv(a, b, p)


def gammainc(shape: Any, x: Any) -> Any:
    """P(X <= x) of a gamma number X of scale 1."""
    return _scipy().gammainc(shape, x)


def gammaincc(shape: Any, x: Any) -> Any:
    """P(X > x) of a gamma number X of scale 1."""
    return _scipy().gammaincc(shape, x)


def gammaincinv(shape: Any, p: Any) -> Any:
    """The x with P(X <= x) = p of a gamma number X of scale 1."""
    return _scipy().gammaincinv(shape, p)


def gammaln(x: Any) -> Any:
    """The logarithm of the gamma function."""
    return _scipy().gammaln(x)


def stdtrit(freedom: Any, p: Any) -> Any:
    """The t with P(T <= t) = p of Student's T."""
    return _scipy().stdtrit(freedom, p)
