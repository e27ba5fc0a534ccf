"""Scenarios: the YAML document that users write, with its units, its errors and its JSON Schema.

=====================  =====================================================
:func:`load_scenario`  a scenario from a file, with overrides
:class:`Scenario`      its uncertain inputs, and its design in each world
:func:`json_schema`    what editors need to know of it
:class:`Written`       a scenario that lies in no file
=====================  =====================================================
"""

from sim.scenario.json_schema import json_schema
from sim.scenario.scenario import Scenario, load_scenario
from sim.scenario.text.yaml_file import Written

__all__ = ["Scenario", "Written", "json_schema", "load_scenario"]
