"""Rare misses of a known chance, in worlds that cost nothing.

Nearness to the limit is a standard normal figure of the inputs, luck comes on top, and a world
misses if both together exceed a threshold. The chance of that is an integral.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import SimpleNamespace

import numpy as np
from fake_replication import FakeScenario
from scipy import integrate, optimize, special, stats

from sim.model.distributions import LogNormal, Uniform
from sim.model.uncertain import UncertainInput
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import Sample
from sim.studies.risk import levels
from sim.studies.risk.chance import chance, slope_of

LUCK = {
    "normal": lambda x: special.ndtr(-x),
    "logistic": lambda x: special.expit(-x),
    "exponential": lambda x: np.exp(-np.maximum(x, 0.0)),
}
SHARES = levels.shares()
ABOVE = 1.0 - np.concatenate([[0.0], np.cumsum(SHARES)])  # share of worlds above each edge


@dataclass(frozen=True)
class Case:
    """Luck of a kind, its size beside the inputs', and the chance of a miss."""

    kind: str
    size: float
    share: float

    def chance(self, height):
        """Of a miss, given the height of a world."""
        return LUCK[self.kind]((threshold(self) - height) / self.size)


@cache
def threshold(case):
    """The threshold that gives a case its chance of a miss."""

    def share(at):
        def density(height):
            return stats.norm.pdf(height) * LUCK[case.kind]((at - height) / case.size)

        return integrate.quad(density, -9.0, 9.0, limit=400, points=[0.0, min(at, 8.0)])[0]

    return optimize.brentq(lambda at: share(at) - case.share, -1.0, 40.0, xtol=1e-10)


def of_level(rng, level, count):
    """Heights of so many worlds of a level."""
    return -special.ndtri(ABOVE[level + 1] + SHARES[level] * rng.random(count))


MIDDLE = (np.arange(16) + 0.5) / 16
INSIDE = -special.ndtri(ABOVE[1:, None] + SHARES[:, None] * MIDDLE)  # heights of each level


def estimated(case, worlds, rng):
    """The estimate as the study makes it, ranks being known: pilot, allocation, interval."""
    count, top = worlds // 16, len(SHARES) - 1
    looked = np.tile(top - np.arange(count) % len(SHARES), 2)
    pilot = np.append(rng.standard_normal(count), of_level(rng, looked, 2 * count))
    hit = rng.random(len(pilot)) < case.chance(pilot)
    slope = slope_of(pilot, hit)
    foreseen = slope.chance(INSIDE).mean(axis=1)
    counts = levels.allocated(foreseen, worlds - len(pilot))
    heights = [of_level(rng, level, int(n)) for level, n in enumerate(counts)]
    hits = [rng.random(len(each)) < case.chance(each) for each in heights]
    after = slope_of(np.concatenate([pilot, *heights]), np.concatenate([hit, *hits]))
    missed = np.array([int(each.sum()) for each in hits])
    return chance(missed, counts, SHARES, after, levels.POPULATION)


INPUTS = (
    UncertainInput("workloads.chat.volume", LogNormal(0.0, 0.4)),
    UncertainInput("backends.large.speed", LogNormal(0.0, 0.3)),
    UncertainInput("backends.large.colour", Uniform(0.0, 1.0)),
)


class FreeBench:
    """Worlds of a case, whose latency is e to the nearness and luck."""

    def __init__(self, case, luck=True, all_at_once=True):
        self.case, self.luck, self.worlds = case, luck, 0
        self.allowance = SimpleNamespace(expect=lambda worlds: None)
        self.numbers = set()

    def chosen(self, scenario, draws, numbers, seed, have, about):
        sample = have.part(each for each in numbers if each in have)
        for world in numbers:
            if world in sample:
                continue
            self.worlds += 1
            self.numbers.add(world)
            given = {path: float(values[world]) for path, values in draws.items()}
            figures = {f"input.{path}": value for path, value in given.items()}
            sample.add_row(world, "stable", figures | self._figures(given, seed, world), {})
        now = datetime(2026, 11, 23)
        return RunResult(
            scenario, scenario.design({}), seed, len(sample), None, float("nan"), False,
            sample, None, None, now, now,
        )  # fmt: skip

    def _figures(self, given, seed, world):
        height = 0.0
        if "workloads.chat.volume" in given:
            log_volume = np.log(given["workloads.chat.volume"])
            height = (log_volume - np.log(given["backends.large.speed"])) / 0.5
        # A world misses with its chance, as luck would have it; the other figure has luck too.
        rng = np.random.default_rng([seed, world])
        miss = (
            rng.random() < self.case.chance(height) if self.luck else height > threshold(self.case)
        )
        near = height - threshold(self.case) + self.case.size * rng.standard_normal()
        load = float(np.exp(0.5 * near))
        return {
            "e2e_p95_s": 30.0 * (1.0 + load if miss else 1.0 / (1.0 + 1.0 / load)),
            "offered_load_peak": load,
            "drained": 0.0,
            "workloads.chat.requests": 1.0,
            "cost_usd": 1.0,
        }


def scenario(inputs=INPUTS):
    """What the worlds are drawn for."""
    return FakeScenario(inputs=inputs)


__all__ = ["Case", "FreeBench", "Sample", "estimated", "scenario", "threshold"]
