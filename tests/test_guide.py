"""The guide's scenarios: the first block is whole, the others are laid over it in their order."""

import json
import re

import pytest
from places import SHIPPED
from ruamel.yaml import YAML

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

GUIDE = (SHIPPED / "GUIDE.md").read_text(encoding="utf-8")
WHOLE, *LAID_OVER = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def settings(block):
    """A block as settings, one for each key of a workload or backend."""
    return [
        f"{section}.{name}.{key}={json.dumps(value)}"
        for section, parts in YAML(typ="safe", pure=True).load(block).items()
        for name, keys in parts.items()
        for key, value in keys.items()
    ]


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "guide.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    return path


def test_there_are_blocks_to_lay_over_the_first():
    assert len(LAID_OVER) >= 3


@pytest.mark.parametrize("block", range(len(LAID_OVER)), ids=range(2, len(LAID_OVER) + 2))
def test_a_block_laid_over_those_before_changes_the_scenario_and_simulates(scenario, block):
    laid = [
        "horizon.days=0.25",
        *(setting for text in LAID_OVER[:block] for setting in settings(text)),
    ]
    before = load_scenario(scenario, laid)
    after = load_scenario(scenario, [*laid, *settings(LAID_OVER[block])])
    assert after.warnings == before.warnings
    draws = {each.path: each.distribution.ppf(0.5) for each in after.inputs}
    assert after.to_yaml() != before.to_yaml()
    figures = replicate(after, 0, 0, draws).metrics
    assert figures["requests"] > 10_000
    assert figures["completed"] > 0.9 * figures["requests"]
