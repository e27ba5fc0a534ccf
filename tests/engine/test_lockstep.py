"""Ranks of a replica that step together: closed forms, and step by step."""

import os
from dataclasses import replace

import pytest
from agreement import assert_population
from coarse_times import on_grid
from fleets import Case, cases, cases_with_clients
from hypothesis import strategies as st
from task_cases import cases_with_caches, cases_with_tasks

FLEETS = int(os.environ.get("PEAKFLEET_FLEETS", "60"))  # drawn for each population


@st.composite
def of_ranks(draw: st.DrawFn, drawn: st.SearchStrategy[Case]) -> Case:
    """A case in which replicas have up to four ranks."""
    case = draw(drawn)
    ranks = [draw(st.integers(2, 4)), *(draw(st.integers(1, 4)) for _ in case.pools[1:])]
    pools = [
        replace(pool, profile=replace(pool.profile, data_parallel_ranks=count))
        for pool, count in zip(case.pools, ranks, strict=True)
    ]
    return replace(case, pools=pools)


MANY: dict[str, int] = {}


@pytest.mark.parametrize(
    ("drawn", "least"),
    [
        pytest.param(cases(verbs=True), MANY, id="who wait for ever"),
        pytest.param(cases_with_clients(tight=True, verbs=True, hedges=True), MANY, id="clients"),
        pytest.param(cases_with_tasks(verbs=True, hedges=True), MANY, id="tasks"),
        pytest.param(cases_with_caches(verbs=True, hedges=True), MANY, id="caches"),
        pytest.param(
            on_grid(cases_with_clients(tight=True, verbs=True, hedges=True)), MANY, id="ties"
        ),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    drawn: st.SearchStrategy[Case], least: dict[str, int]
) -> None:
    """``PEAKFLEET_FLEETS`` sets how many."""
    assert_population(of_ranks(drawn), FLEETS, least)
