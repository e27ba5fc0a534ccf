"""What a command will take, as far as its first worlds tell, in a line."""

import math

from sim.montecarlo.allowance import Outlook

GB = 1e9


def outlook_text(outlook: Outlook) -> str:
    """How long, on how many cores, in how much memory.

    >>> outlook_text(Outlook(840.0, 2, 6.2e8, 190))
    'about 14 min on 2 cores, 0.6 GB; --max-time ends it earlier, with what there is by then'
    >>> outlook_text(Outlook(42.0, 1, float("nan"), 72, a_design=True))
    'about 42 s on 1 core for each design of 72 worlds; how many it takes is not known beforehand'
    """
    cores = f"{outlook.jobs} core{'' if outlook.jobs == 1 else 's'}"
    most = "at most " if outlook.at_most else ""
    memory = "" if math.isnan(outlook.bytes) else f", {outlook.bytes / GB:.1f} GB"
    said = f"{most}about {_time(outlook.seconds)} on {cores}"
    if outlook.a_design:
        return (
            f"{said} for each design of {outlook.worlds:,} worlds{memory}; how many it takes is not"
            " known beforehand"
        )
    return f"{said}{memory}; --max-time ends it earlier, with what there is by then"


def _time(seconds: float) -> str:
    """In a unit that gives two digits.

    >>> _time(21.4), _time(840.0), _time(9000.0), _time(400_000.0)
    ('21 s', '14 min', '2.5 h', '4.6 days')
    """
    for size, unit, below in ((1.0, "s", 100.0), (60.0, "min", 5400.0), (3600.0, "h", 172_800.0)):
        if seconds < below:
            number = seconds / size
            return (
                f"{number:.1f} {unit}" if unit == "h" and number < 10.0 else f"{number:.0f} {unit}"
            )
    return f"{seconds / 86_400.0:.1f} days"
