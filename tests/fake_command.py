"""The command line in a process of its own, with scenarios and worlds that cost nothing."""

FAKE_COMMAND = """
import sys
import fake_replication
import sim.scenario
from sim.montecarlo import needed_kernel, replication
sim.scenario.load_scenario = fake_replication.load
replication.replicate = fake_replication.replicate
needed_kernel.needed_kernel = lambda *_: needed_kernel.PLAIN
needed_kernel.compile_kernel = lambda *_: None
needed_kernel.kernel_is_cached = lambda kernel: True
from sim.report.charts import run as drawing
drawing.charts = fake_replication.charts
from sim.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""
