"""Workloads that come after others, and answers without tokens: keys, worlds and errors."""

import math

import numpy as np
import pytest
from scenario_documents import SERVICE, written

from sim.engine.simulation import simulate
from sim.errors import ScenarioError
from sim.model.distributions import Constant, Exponential
from sim.model.generated import GeneratedSource
from sim.model.streams import Streams
from sim.montecarlo.metrics import metrics
from sim.scenario import load_scenario

RAG = f"""\
name: rag
horizon: {{duration: 2h}}
workloads:
  answer:
    arrivals: {{after: ranking, share: 50%}}
    prompt_tokens: {{lognormal: {{mean: 3000, cv: 0.4}}}}
    output_tokens: 100
    route: large
    slo: {{ttft_p95: 3s}}
  question:
    arrivals: {{requests_per_second: 2, dispersion: {{cv: 0.3, timescale: 10min}}}}
    prompt_tokens: 40
    output_tokens: 0
    route: small
    value_per_task: 0.01
  ranking:
    arrivals: {{after: question, delay: {{exponential: {{mean: 50ms}}}}, parallel: 2}}
    prompt_tokens: 2000
    output_tokens: 0
    route: small
backends:
  small: {{kind: gpu_pool, service: {{model: llama-3.2-1b, gpu: l4}}, replicas: 1}}
  large: {{kind: gpu_pool, service: {SERVICE}, replicas: 1}}
"""


@pytest.fixture
def rag(tmp_path):
    return written(tmp_path, RAG)


def test_who_comes_after_whom_is_told_in_a_world(rag):
    design = load_scenario(rag).typical_design()
    answer, question, ranking = design.workloads
    assert [one.name for one in question.source.chain.followers] == ["ranking", "answer"]
    assert question.leads_to == ("ranking", "answer")
    first, second = question.source.chain.followers
    assert (first.after, first.stage, first.delay_s) == ("question", 1, Exponential(0.05))
    assert (second.after, second.stage, second.share) == ("ranking", 2, 0.5)
    assert first.calls == Constant(2.0)
    for workload, rate in ((question, 2.0), (ranking, 4.0), (answer, 1.0)):
        assert isinstance(workload.source, GeneratedSource)
        assert float(workload.source.curve.cumulative(3600.0)) == pytest.approx(3600 * rate)
        assert workload.source.is_brought == (workload is not question)
    assert [w.generates for w in design.workloads] == [True, False, False]


def test_a_resolved_scenario_gives_the_same_world(rag, tmp_path):
    scenario = load_scenario(rag)
    again = tmp_path / "resolved.yaml"
    again.write_text(scenario.to_yaml())
    found = load_scenario(again)
    assert found.document == scenario.document
    first, second = (one.typical_design().workloads[1].source for one in (scenario, found))
    assert first.chain == second.chain


def test_a_chain_loses_nobody_and_answers_without_tokens_have_none(rag):
    """Each stage has the requests that the one before answered; 5 errors of the share: 6e-7."""
    design = load_scenario(rag).typical_design()
    outcome = simulate(design, Streams(3, 1))
    totals = [{n: row[n].sum() for n in row.dtype.names} for row in outcome.ledger.workloads]
    answer, question, ranking = totals
    assert question["requests"] > 10_000
    left = np.bincount(outcome.in_flight["workload"], minlength=3)
    for booked, still in zip((answer, question, ranking), left, strict=True):
        assert booked["requests"] == booked["completed"] + still
    under_way = len(outcome.tasks_in_flight.workload)
    assert question["tasks"] == question["tasks_completed"] + under_way
    assert ranking["requests"] == pytest.approx(2 * question["completed"], abs=2 * under_way)
    pairs = question["completed"]  # each with two rankings, after which half have an answer
    assert answer["requests"] == pytest.approx(pairs / 2, abs=5 * math.sqrt(pairs) / 2 + under_way)
    figures = metrics(outcome, design)
    assert figures["workloads.question.output_tokens"] == 0
    assert figures["workloads.ranking.output_tokens"] == 0
    assert figures["workloads.answer.output_tokens"] == 100 * answer["completed"]
    assert outcome.ledger.usage["output_tokens"][1:3].sum() == 0
    assert math.isnan(figures["workloads.question.tpot_p95_s"])
    # A question is as far as what came after it: its answer's time is its task's.
    mean_s = figures["workloads.answer.e2e_mean_s"]
    assert (
        mean_s > figures["workloads.ranking.e2e_mean_s"] > figures["workloads.question.e2e_mean_s"]
    )


def test_what_comes_after_moves_nothing_before_it(rag):
    """The first of a chain has the same requests with and without what follows."""
    alone = load_scenario(rag, ["workloads.ranking.arrivals={requests_per_second: 1e-9}"])
    both = load_scenario(rag)
    arrivals = []
    for scenario in (alone, both):
        question = scenario.typical_design().workloads[1]
        blocks = question.source.blocks("question", Streams(3, 1), 0.0, 7200.0)
        arrivals.append(np.concatenate([block.arrival_s for block in blocks]))
    assert arrivals[0].tolist() == arrivals[1].tolist()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("workloads.answer.arrivals.after=rankings", "'rankings' is not the name of a workload"),
        ("workloads.question.arrivals={after: answer}", "leads back to"),
        ("workloads.answer.arrivals.after=answer", "leads back to"),
        ("workloads.answer.arrivals.requests_per_day=3", "must be the only one"),
        ("workloads.answer.arrivals.shape=azure-chat-2024", "has no meaning beside after"),
        ("workloads.answer.arrivals.growth_per_year=2", "has no meaning beside after"),
        ("workloads.question.arrivals.delay=1s", "has no after beside it"),
        ("workloads.question.arrivals.parallel=2", "has no after beside it"),
        ("workloads.question.follow_ups={calls_per_task: 2}", "that another ('ranking') comes"),
        ("workloads.answer.follow_ups={calls_per_task: 2}", "cannot be beside after"),
        ("workloads.question.arrivals={users: 3, think_time: 1s}", "cannot be what 'ranking'"),
        ("workloads.question.arrivals={usd_per_month: 3}", "cannot be what 'ranking'"),
        ("workloads.answer.value_per_task=1", "has no meaning beside after"),
        ("workloads.answer.client={patience: 3s}", "has no meaning beside after"),
        ("workloads.answer.arrivals.share=0%", "must be greater than 0"),
        ("workloads.answer.arrivals.parallel=0", "must be"),
        ("workloads.answer.output_tokens=-1", "must be at least 1"),
        ("workloads.answer.prompt_tokens=0", "must be at least 1"),
        ("workloads.answer.output_tokens=false", "must be"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(rag, change, says):
    with pytest.raises(ScenarioError) as error:
        load_scenario(rag, [change])
    problems = [str(problem) for problem in error.value.problems]
    assert any(says in problem for problem in problems), problems
