"""Worlds that are one world: of several designs, which differ in others, simulated once.

A world is what its design has it do, from its draws and its random numbers. Two scenarios may have
the same design in some worlds and not in others: margins of 35 % and of 50 % are the same whole
number of replicas where few are needed.
"""

import hashlib
import pickle
from collections.abc import Iterable, Mapping

from sim.errors import PeakfleetError
from sim.montecarlo.result import Draws
from sim.montecarlo.sample import Sample
from sim.scenario import Scenario


class Twins:
    """Worlds that were simulated, by all that makes them what they are."""

    def __init__(self) -> None:
        self._found: dict[bytes, Sample] = {}

    def __contains__(self, key: bytes | None) -> bool:
        return key in self._found

    def keys(
        self, scenario: Scenario, draws: Draws, worlds: Iterable[int], seed: int
    ) -> dict[int, bytes]:
        """What some worlds of a scenario are known by; without those that cannot be told."""
        found = {}
        for world in worlds:
            values = {path: float(drawn[world]) for path, drawn in draws.items()}
            key = _key(scenario, values, world, seed)
            if key is not None:
                found[world] = key
        return found

    def add_to(self, sample: Sample, keys: Mapping[int, bytes]) -> None:
        """Have a sample take in the worlds that are known, but for those that it has."""
        for world, key in keys.items():
            if world not in sample and (other := self._found.get(key)) is not None:
                sample.add_from(other, [world])

    def note(self, sample: Sample, keys: Mapping[int, bytes]) -> None:
        """Take note of the worlds that a sample has."""
        for world, key in keys.items():
            if world in sample:
                self._found.setdefault(key, sample)


def _key(scenario: Scenario, values: Mapping[str, float], world: int, seed: int) -> bytes | None:
    """Of equal bytes are equal worlds; the same world may have others now and then."""
    try:
        own = scenario.design(values), scenario.fidelity
        told = pickle.dumps((*own, sorted(values.items()), world, seed))
    except (PeakfleetError, pickle.PicklingError, AttributeError, TypeError):
        return None  # whoever simulates it will say what is wrong
    return hashlib.sha256(told).digest()
