"""Scenarios: the YAML document that users write, with its units, its errors and its JSON Schema.

=====================  =====================================================
:func:`load_scenario`  a scenario from a file, with overrides
:class:`Scenario`      its uncertain inputs, and its design in each world
:class:`Written`       a scenario that lies in no file
=====================  =====================================================
"""

from sim.scenario.scenario import Scenario, load_scenario
from sim.scenario.text.yaml_file import Written

__all__ = ["Scenario", "Written", "load_scenario"]
