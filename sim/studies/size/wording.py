"""The words of the decision."""

import math
from collections.abc import Iterator

from sim.studies.size.options import Option
from sim.studies.size.search import Found


def percent(share: float) -> str:
    """A share of worlds: ``98.5 %``; never 100 where it is not all.

    >>> percent(0.985), percent(1.0), percent(0.9996)
    ('98.5 %', '100 %', '99.9 %')
    """
    rounded = round(100 * share, 1)
    if rounded == 100.0 and share < 1.0:
        rounded = 99.9
    return f"{rounded:g} %"


def below(found: Found) -> Iterator[str]:
    """What is known of smaller fleets than the one that keeps the SLO."""
    if found.open:
        counts = _counts(found)
        shares = ", ".join(percent(found.tallies[n].share) for n in found.open)
        worlds = max(found.tallies[n].worlds for n in found.open)
        yield (
            f"whether {counts} would do, {worlds} worlds cannot tell ({shares} keep it):"
            f" {more_worlds(found.needed)}"
        )
        return
    tally = found.tallies.get((found.sure or 0) - 1)
    if tally is None:
        return
    if tally.simulated:
        less = found.kind.words(tally.count).removesuffix("s").removesuffix(" replica")
        one = "es" if less == "1" else ""
        yield f"{less} miss{one} it in {percent(1 - tally.share)}"
    else:
        yield (
            f"to {tally.count} more work comes than {'it' if tally.count == 1 else 'they'} can do"
            f" in {percent(1 - tally.share)}"
        )


def _counts(found: Found) -> str:
    """The open counts: ``4 or 5 replicas``."""
    names = [found.kind.words(n).removesuffix("s").removesuffix(" replica") for n in found.open]
    return f"{' or '.join(names)} replica{'s' if found.open != (1,) else ''}"


def more_worlds(needed: float) -> str:
    """How many worlds would tell."""
    if math.isinf(needed):
        return "the share is too close to what is asked for any number of worlds"
    worlds = two_digits(needed)
    return f"about {worlds:,} would (--worlds {worlds})"


def no_fleet(options: list[Option], asked: str) -> str:
    """Why there is no fleet to name."""
    found = [option.found for option in options if option.found is not None]
    if any(each.open for each in found):
        parts = [_open(each) for each in found if each.open]
        return "; ".join(parts)
    best = max(found, key=lambda f: f.tallies[f.most].share)
    tally = best.tallies[best.most]
    most = best.kind.words(best.most)
    one = "" if best.most > 1 else "s"
    if best.limited:
        return (
            f"no fleet keeps the SLO in {asked}: no more than {most} are to be had, which"
            f" keep{one} it in {percent(tally.share)}"
        )
    return (
        f"no number of replicas keeps the SLO in {asked}: even {most}, with"
        f" {best.most / max(best.busiest, 1e-9):,.0f} times the work's need, keep{one} it in"
        f" {percent(tally.share)}; a faster service is needed, or another SLO"
    )


def _open(found: Found) -> str:
    counts = _counts(found)
    tally = found.tallies[max(found.open)]
    shares = ", ".join(percent(found.tallies[n].share) for n in found.open)
    return (
        f"cannot tell at {tally.worlds} worlds whether {counts} keep the SLO"
        f" ({shares} of worlds, {percent(found.rule.asked)} asked):"
        f" {more_worlds(found.needed)}"
    )


def two_digits(count: float) -> int:
    """Rounded up to two digits.

    >>> two_digits(1234.0)
    1300
    """
    size: int = 10 ** max(math.floor(math.log10(count)) - 1, 0)
    return math.ceil(count / size) * size
