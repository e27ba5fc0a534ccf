"""The words of the decision."""

import math
from collections.abc import Iterator

from sim.montecarlo.shares import percent
from sim.studies.size.options import Option
from sim.studies.size.search import Found

MOST_SHARES = 3  # of open counts that are listed one by one


def below(found: Found) -> Iterator[str]:
    """What is known of smaller fleets than the one that keeps the SLO."""
    if found.open:
        worlds = max(found.tallies[n].worlds for n in found.looked_at)
        yield (
            f"whether {_counts(found)} would do, {worlds} worlds cannot tell"
            f" ({_shares(found)}): {more_worlds(found)}"
        )
        return
    tally = found.tallies.get((found.sure or 0) - 1)
    if tally is None:
        return
    if tally.simulated:
        less = found.kind.words(tally.count).removesuffix("s").removesuffix(" replica")
        one = "es" if less == "1" else ""
        yield f"{less} miss{one} it in {tally.missing.words()}"
    else:
        yield (
            f"to {tally.count} more work comes than {'it' if tally.count == 1 else 'they'} can do"
            f" in {tally.missing.words()}"
        )


def _counts(found: Found) -> str:
    """The open counts: ``4 or 5 replicas``, ``57 to 63 replicas``."""
    first, last = found.open[0], found.open[-1]
    names = [found.kind.words(n).removesuffix("s").removesuffix(" replica") for n in (first, last)]
    between = " or " if last == first + 1 else " to " if not found.kind.autoscaled else " … "
    text = names[0] if first == last else between.join(names)
    return f"{text} replica{'s' if found.open != (1,) else ''}"


def _shares(found: Found) -> str:
    """In how many worlds the open counts keep the SLO."""
    shares = [percent(found.tallies[n].share) for n in found.looked_at]
    if len(shares) <= MOST_SHARES and len(shares) == len(found.open):
        return f"{', '.join(shares)} of worlds keep it"
    both = shares[0] if shares[0] == shares[-1] else f"{shares[0]} to {shares[-1]}"
    return f"{both} of worlds keep it"


def more_worlds(found: Found) -> str:
    """How many worlds would tell."""
    if not math.isinf(found.needed):
        worlds = two_digits(found.needed)
        return f"about {worlds:,} would"
    if len(found.open) == 1:
        return "the share is too close to what is asked for any number of worlds"
    worlds = two_digits(4 * found.rule.looks[-1])
    return f"four times the worlds ({worlds:,}) would leave about half as many open"


def no_fleet(options: list[Option], asked: str, lone: str) -> str:
    """Why there is no fleet to name.

    Parameters
    ----------
    options : list of Option
    asked : str
        The share of worlds, in words.
    lone : str
        What a lone request takes, where that leaves little or nothing; else empty.
    """
    return "; ".join(filter(None, [_no_fleet(options, asked), lone]))


def _no_fleet(options: list[Option], asked: str) -> str:
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
            f" keep{one} it in {tally.keeping.words()}"
        )
    return (
        f"no number of replicas keeps the SLO in {asked}: even {most}, with"
        f" {best.most / max(best.busiest, 1e-9):,.0f} times the work's need, keep{one} it in"
        f" {tally.keeping.words()}; a faster service is needed, or another SLO"
    )


def _open(found: Found) -> str:
    worlds = max(found.tallies[n].worlds for n in found.looked_at)
    return (
        f"cannot tell at {worlds} worlds whether {_counts(found)} keep the SLO"
        f" ({_shares(found)}, {percent(found.rule.asked)} asked): {more_worlds(found)}"
    )


def two_digits(count: float) -> int:
    """Rounded up to two digits.

    >>> two_digits(1234.0)
    1300
    """
    size: int = 10 ** max(math.floor(math.log10(count)) - 1, 0)
    return math.ceil(count / size) * size
