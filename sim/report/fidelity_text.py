"""What it means that some days stand for the others."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.montecarlo.shares import percent


def days_text(summary: Mapping[str, Any]) -> Iterator[str]:
    """What was simulated of a long horizon, if that was not all; or why it was."""
    told = summary.get("fidelity")
    if not told:
        return
    if told["why_exact"]:
        yield f"Every day is simulated, as 'fidelity: exact' has it: {told['why_exact']}."
        return
    worlds, in_full = summary["replications"], told["worlds_in_full"]
    if in_full < worlds:
        share = percent(told["simulated_share"])
        yield (
            f"Of {told['days']:,} days about {told['simulated_days']:.0f} are simulated in each"
            f" world ({share} of the requests, warm-ups among them); drawn by load and events, they"
            " stand for the others. Intervals hold what this adds; between worlds, figures lie"
            " somewhat wider apart than they would, and what is the most or the worst of all days"
            " is that of the days simulated: at least so much."
        )
    if in_full:
        yield (
            f"In {in_full:,} of {worlds:,} worlds every day is simulated: queues last for so"
            " long, or retries keep them so, that hardly a day can be taken by itself."
        )
