"""``sim calibrate --workload``: a recorded trace as a workload that is drawn from distributions."""

from sim.studies.traffic.answer import Traffic
from sim.studies.traffic.study import traffic
from sim.studies.traffic.written import as_json, workload_yaml

__all__ = ["Traffic", "as_json", "traffic", "workload_yaml"]
