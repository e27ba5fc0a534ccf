"""What goes wrong with the replicas of a pool: the keys, and the failures that they make."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from sim.model import failure as model
from sim.model.distributions import Distribution
from sim.model.failure import CRASHES_PER_GPU_HOUR, SPOT_NOTICE_S
from sim.model.lifecycle import Alternation
from sim.scenario.values.fields import Reads, number, one_of
from sim.scenario.values.numbers import Number, Quantity, known
from sim.scenario.values.part import Abbreviated, Model
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import format_duration
from sim.scenario.values.varied import LONGEST_S, Varied, varied

Draws = Mapping[str, float]

SPELL: Final = Quantity("duration", above=0, most=LONGEST_S)
DEFAULT_NOTICE_S: Final = SPOT_NOTICE_S["aws"]


class Stragglers(Model):
    """Replicas that run, but slowly."""

    share: Annotated[Number, number("share", above=0, most=1)]
    """Share of the replicas that are slow."""
    slowness: Annotated[Number, number("factor", least=1, most=1000)]
    """Factor on all times of their engines: 1.3 takes 30 % longer."""
    slow: Annotated[Varied, varied(SPELL)] | None = None
    """How long a slow spell lasts; by default a straggler is slow all its life."""
    fast: Annotated[Varied, varied(SPELL)] | None = None
    """How long it runs at full speed in between."""


class Failures(Abbreviated):
    """Crashes and slow replicas."""

    main: ClassVar[tuple[str, Reads]] = ("preset", one_of(*CRASHES_PER_GPU_HOUR))

    preset: Annotated[str, one_of(*CRASHES_PER_GPU_HOUR)] | None = None
    """Whose rate of crashes is taken."""
    crashes_per_gpu_hour: Annotated[Number, number("count", above=0, most=3600)] | None = None
    """Crashes of a GPU in an hour, any of which takes its replica's node along."""
    repair: Annotated[Varied, varied()] | None = None
    """How long the place of what crashed cannot be used; default not at all."""
    replicas_per_node: (
        Annotated[Number, number("count", least=1, most=1000, integer=True)] | None
    ) = None
    """Replicas that share a node, and crash together; default 1."""
    stragglers: Stragglers | None = None
    """Replicas that run slowly; default none."""


class Spot(Model):
    """Instances that their owner takes back."""

    life: Annotated[Varied, varied(SPELL)]
    """How long an instance runs, the notice included; a distribution says how they differ."""
    notice: Annotated[Number, number("duration", least=0, most=86_400)] = DEFAULT_NOTICE_S
    """How long before its end a replica is told, and drains; default 2min."""
    absence: Annotated[Varied, varied()] | None = None
    """How long no other is to be had in its place; default it is at once."""
    fallback: Annotated[Literal["on_demand"], one_of("on_demand")] | None = None
    """on_demand: for each replica that is not to be had on spot (taken back, absent, under repair,
    or for want of capacity) one is rented on demand, with a cold start of its own, until one on
    spot serves again; price then has both. Default nothing stands in."""


def resolved(failures: Failures | None, path: Path, findings: Findings) -> Failures | None:
    """The failures with their preset written out; notes what has no meaning."""
    if failures is None:
        return None
    path = (*path, "failures")
    rate = failures.crashes_per_gpu_hour
    if rate is None and failures.preset is not None:
        rate = CRASHES_PER_GPU_HOUR[failures.preset]
    for key in ("repair", "replicas_per_node"):
        if rate is None and getattr(failures, key) is not None:
            findings.add((*path, key), "has no meaning without crashes", "add crashes_per_gpu_hour")
    if rate is None and failures.stragglers is None:
        remedy = f"add crashes_per_gpu_hour, or one of {', '.join(CRASHES_PER_GPU_HOUR)}"
        findings.add(path, "has neither crashes nor stragglers", remedy)
    spells = failures.stragglers
    if spells is not None and (spells.slow is None) != (spells.fast is None):
        other = "fast" if spells.fast is None else "slow"
        findings.add((*path, "stragglers"), f"has no {other} beside it", f"add {other}")
    return failures.model_copy(update={"preset": None, "crashes_per_gpu_hour": rate})


def check_spot(spot: Spot | None, path: Path, draws: Draws, findings: Findings) -> None:
    """Note a notice that is longer than the life it ends."""
    if spot is None:
        return
    notice_s, life_s = known(spot.notice, draws), spot.life.distribution(draws).mean()
    if notice_s >= life_s:
        message = f"{format_duration(notice_s)} must be shorter than the mean life ({life_s:.4g}s)"
        findings.add((*path, "spot", "notice"), message, "see life")


def compiled(failures: Failures | None, spot: Spot | None, draws: Draws) -> model.Failures:
    """What goes wrong in a world."""
    return model.Failures(
        crashes=None if failures is None else _crashes(failures, draws),
        spot=None if spot is None else _spot(spot, draws),
        stragglers=None if failures is None else _stragglers(failures.stragglers, draws),
    )


def _crashes(failures: Failures, draws: Draws) -> model.Crashes | None:
    if failures.crashes_per_gpu_hour is None:
        return None
    together = failures.replicas_per_node
    return model.Crashes(
        known(failures.crashes_per_gpu_hour, draws),
        _drawn(failures.repair, draws),
        1 if together is None else int(known(together, draws)),
    )


def _spot(spot: Spot, draws: Draws) -> model.Spot:
    life = spot.life.distribution(draws)
    absence, falls_back = _drawn(spot.absence, draws), spot.fallback is not None
    return model.Spot(life, known(spot.notice, draws), absence, falls_back)


def _stragglers(stragglers: Stragglers | None, draws: Draws) -> model.Stragglers | None:
    if stragglers is None:
        return None
    fast, slow = _drawn(stragglers.fast, draws), _drawn(stragglers.slow, draws)
    return model.Stragglers(
        known(stragglers.share, draws),
        known(stragglers.slowness, draws),
        None if fast is None or slow is None else Alternation(on=fast, off=slow),
    )


def _drawn(varied: Varied | None, draws: Draws) -> Distribution | None:
    return None if varied is None else varied.distribution(draws)
