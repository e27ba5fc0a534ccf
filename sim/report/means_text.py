"""What means rest on, in a sentence that every text with means has once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.montecarlo.shares import unseen_share
from sim.montecarlo.undrawn import Undrawn


def means_text(worlds: int, undrawn: Sequence[Undrawn], subject: str = "Means") -> str:
    """That means speak of what some worlds show, and which rare branch they do not show.

    >>> print(means_text(200, ()))
    Means speak of what these 200 worlds show: what happens in fewer than 1 of 67 may be in none, \
and no mean tells of it.
    """
    rarest = max(1, round(1.0 / unseen_share(worlds)))
    text = (
        f"{subject} speak of what these {worlds:,} worlds show: what happens in fewer than 1 of"
        f" {rarest} may be in none, and no mean tells of it."
    )
    return " ".join([text, *undrawn_text([each.as_json() for each in undrawn])])


def undrawn_text(undrawn: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rare branches that no world has drawn, and how many worlds would.

    Parameters
    ----------
    undrawn : sequence of mapping
        As ``Undrawn.as_json`` has them.
    """
    if undrawn:
        named = "; ".join(each["words"] for each in undrawn)
        worlds = max(each["worlds_needed"] for each in undrawn)
        yield (
            f"No world has drawn {named}: nothing here tells of that, and no interval of a mean is"
            f" given without it; --worlds {worlds} would draw it."
        )
