"""An autoscaler of one's own: a replica for every sixteen requests, looked at twice a minute."""

import math

from sim.engine.control import AUTOSCALERS
from sim.montecarlo.run import run
from sim.scenario import load_scenario


def one_per_sixteen(fleet):
    """Scale by the requests that wait and run."""
    while True:
        yield fleet.env.timeout(30)  # seconds
        fleet.scale_to(math.ceil(fleet.concurrency / 16))


AUTOSCALERS["one per sixteen"] = one_per_sixteen

if __name__ == "__main__":  # worker processes import this file, too
    overrides = [
        "backends.large.replicas={min: 1, max: 8}",
        "backends.large.autoscaler={preset: custom, process: one per sixteen}",
        "backends.large.cold_start=3min",
    ]
    result = run(load_scenario("scenarios/quickstart.yaml", overrides), worlds=4)
    print(result.replications[["ready_replicas_mean", "gpu_hours", "e2e_p95_s"]])
