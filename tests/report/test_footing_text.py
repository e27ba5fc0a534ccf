"""Batches beyond the measured ones are named once a run has shown them."""

from dataclasses import replace

import numpy as np
from bookings import design, gpus, workload
from fleets import profile

from sim.model.design import Design
from sim.model.price import GpuPrice
from sim.model.profile import Measurement
from sim.report.footing_text import beyond_batches


def fleet(largest: int | None) -> Design:
    measured = Measurement("steps", 3, (1, largest)) if largest else None
    pool = replace(gpus(GpuPrice(1.0)), profile=profile(measured=measured))
    return design([workload("chat", "pool")], [pool])


TIMELINE = {
    "ready_replicas": np.array([2.0, 2.0, np.nan]),
    "draining_replicas": np.array([0.0, 1.0, np.nan]),
    "running": np.array([800.0, 300.0, np.nan]),
}


def test_the_fullest_bin_counts():
    (line,) = beyond_batches(fleet(256), TIMELINE)
    assert line.startswith("backends.") and ": the batch goes to 400; measured up to 256" in line


def test_within_the_measured_batches_nothing_is_said():
    assert list(beyond_batches(fleet(400), TIMELINE)) == []
    assert list(beyond_batches(fleet(None), TIMELINE)) == []
