"""Worlds draw the coefficients of a profile from their joint error."""

from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import MINIMAL, written

from sim.catalog import profile, write_profile
from sim.catalog.profile_file import load_profile
from sim.model.joint_error import JointError
from sim.scenario import load_scenario


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def _with_errors(tmp_path, minimal):
    file = tmp_path / "mine.yaml"
    own = profile("llama-3.3-70b/h100-sxm/tp4/fp8/vllm")
    names = (f"step_base_ms@{own.batch[-1]}", "prefill_us_per_token")
    error = JointError(names, (0.2, 0.1), ((-0.5,),))
    write_profile(replace(own, joint_error=error), file)
    return own, [f"backends.large.service={file}"]


def test_worlds_draw_coefficients_from_their_joint_error(tmp_path, minimal):
    own, change = _with_errors(tmp_path, minimal)
    scenario = load_scenario(minimal, change)
    errors = [each.path for each in scenario.inputs if ".service." in each.path]
    assert errors == ["backends.large.service.error_1", "backends.large.service.error_2"]
    at_rest = {each.path: 1.0 if "factor" in each.path else 0.0 for each in scenario.inputs}
    assert scenario.design(at_rest).pools[0].profile.prefill_s_per_token == own.prefill_s_per_token
    off = scenario.design(at_rest | {errors[0]: 1.0}).pools[0].profile
    directions = load_profile(change[0].partition("=")[2]).joint_error.directions
    moved_by = np.log(off.prefill_s_per_token / own.prefill_s_per_token)
    assert moved_by == pytest.approx(directions[1, 0])


@pytest.mark.parametrize("fixed", ["throughput_factor=1", "coefficients=fixed"])
def test_coefficients_are_taken_as_they_are_on_demand(tmp_path, minimal, fixed):
    _, change = _with_errors(tmp_path, minimal)
    scenario = load_scenario(minimal, [*change, f"backends.large.{fixed}"])
    assert not [each for each in scenario.inputs if ".service." in each.path]
