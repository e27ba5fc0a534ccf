"""Users who wait for answers in the studies: grown by stress, refused where a volume is needed."""

import numpy as np
import pytest
from size_cases import SHORT, queue

from sim.errors import PeakfleetError
from sim.model.closed import MOST_USERS
from sim.studies.breakeven.sides import contest
from sim.studies.plan.days import check_planned
from sim.studies.stress import Spike
from sim.studies.stress.growth import Growth, check_growth, grown
from sim.studies.stress.spike import with_spike

ARRIVALS = {"users": 30, "think_time": "5s", "requests": 900}
API = "backends.api={kind: managed_api, model: gpt-4o-mini}"


@pytest.fixture
def case(tmp_path):
    return queue(tmp_path, ARRIVALS, {"ttft_p90": 1.0}, SHORT)


def test_growth_means_more_users_and_longer_prompts(case):
    design = case.but("workloads.calls.prompt_tokens=100").load().typical_design()
    source = grown(design, Growth(volume=2.5, prompt=1.2)).workloads[0].source
    assert (source.users, source.requests) == (75, 2250)
    assert source.lengths.prompt.distribution.ppf(np.array([0.5])).tolist() == [120.0]


def test_a_spike_leaves_users_who_wait_as_they_are(case):
    design = case.load().typical_design()
    assert with_spike(design, Spike(3.0, 60.0)).workloads[0].source == design.workloads[0].source


def test_more_users_than_are_simulated_are_refused(case):
    design = case.load().typical_design()
    with pytest.raises(PeakfleetError, match="of whom each waits for answers: at most 1,000,000"):
        check_growth(design, [Growth(volume=1.01 * MOST_USERS / 30)])


def test_studies_of_a_volume_refuse_users_who_wait_in_one_line(case):
    with pytest.raises(PeakfleetError, match=r"calls waits for answers .* no month can be given"):
        check_planned(case.load().typical_design())
    with pytest.raises(PeakfleetError, match=r"calls waits for answers .* cannot be varied"):
        contest(case.but(API, "workloads.calls.route=pool"))
