"""The kernel of plain fleets: taken where it will do, and to the bit what that of any does."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from sim.engine import simulation
from sim.engine.plain_design import is_plain
from sim.engine.plane import plane as data_plane
from sim.engine.state import plain, state
from sim.model.streams import Streams
from sim.montecarlo.draws import draw_worlds
from sim.scenario import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PLAIN = {"quickstart", "autoscaling", "year"}


def design_of(name, *settings):
    scenario = load_scenario(SCENARIOS / f"{name}.yaml", settings)
    draws = draw_worlds(scenario.inputs, 0, 1)
    return scenario.design({path: float(values[0]) for path, values in draws.items()})


def test_what_plain_fleets_lack_has_names_of_its_own():
    """For a function of a plain state takes them for constants, whatever they are fields of."""
    owners = defaultdict(set)
    for name, (kind, _) in state.ARRAYS.items():
        owners[name].add("state")
        for field in np.dtype(kind).names or ():
            owners[field].add(name)
    assert all(owners[name] == {"clock"} for name in plain.OF_CLOCK)
    assert all(owners[name] == {"pools"} for name in plain.OF_POOLS)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_which_kernel_a_design_needs_is_known_before_it_is_simulated(path):
    design, streams = design_of(path.stem), Streams(0, 0)
    plane = simulation._plane(design, streams, False)
    horizon = design.horizon
    pieces = simulation.feeds(design.workloads, streams, -horizon.warm_up_s, horizon.duration_s)
    present = {name: col for name, col in next(pieces)._asdict().items() if col is not None}
    plane.feed(**present)
    assert is_plain(design) is plain.is_plain(plane._state)


CASES = {
    "quickstart": (),
    "cold_start_cliff": (),  # an autoscaler: replicas are added and drained
    "spot": (),  # they are lost
    "metastable": (),  # clients give up and try again
    "zones": (),  # zones go down
    "azure_trace": (),
}


@pytest.mark.parametrize(("name", "settings"), CASES.items(), ids=CASES)
def test_both_kernels_do_the_same_to_the_bit(monkeypatch, name, settings):
    design = design_of(name, *settings)
    kinds = []

    def simulated(by_plain):
        def seen(state):
            kinds.append(plain.is_plain(state))
            return kinds[-1] and by_plain

        monkeypatch.setattr(data_plane, "is_plain", seen)
        return simulation.simulate(design, Streams(3, 1), record_requests=True)

    one, other = simulated(True), simulated(False)
    assert all(kinds)
    assert len(one.requests) > 100
    assert one.requests.tobytes() == other.requests.tobytes()
    for each in ("workloads", "pools", "usage", "histograms", "p95_s"):
        assert getattr(one.ledger, each).tobytes() == getattr(other.ledger, each).tobytes(), each
    assert one.rentals == other.rentals
