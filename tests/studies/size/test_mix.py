"""Mixes of variants: the integer programme against all mixes, and its answer simulated."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import strategies as st
from answer_schemas import check_answer
from chart_worlds import check
from drawn import drawn_anew
from size_cases import STEP_S, engine

from sim.report.charts.mix import mix_charts
from sim.report.mix_text import tell
from sim.studies.bench import bench
from sim.studies.case import Case
from sim.studies.size import Question, mix, mixed
from sim.studies.size.mixing import cheapest_mix

FEW = 5  # replicas of a variant at most

KINDS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=2, max_size=3
)  # what a replica carries at most, in twelfths, and its price


def known(carried: int, usd: int) -> Any:
    return SimpleNamespace(most=carried / 12, usd_per_month=float(usd), limit=FEW)


@drawn_anew(20, KINDS, st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), max_size=3))
def test_the_programme_names_the_cheapest_of_all_mixes(
    kinds: list[tuple[int, int]], short: list[list[int]]
) -> None:
    cut = [tuple(each[: len(kinds)]) for each in short]
    each = [known(*kind) for kind in kinds]
    able = [
        counts
        for counts in itertools.product(range(FEW + 1), repeat=len(kinds))
        if sum(n * carried for n, (carried, _) in zip(counts, kinds, strict=True)) >= 12
        and all(any(n > had for n, had in zip(counts, one, strict=True)) for one in cut)
    ]

    def usd(counts: tuple[int, ...]) -> int:
        return sum(n * price for n, (_, price) in zip(counts, kinds, strict=True))

    found = cheapest_mix(each, cut, float("inf"))
    if not able:
        assert found is None
        return
    assert found in able
    assert usd(found) == min(map(usd, able))
    assert cheapest_mix(each, cut, usd(found) - 0.5) is None


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Queues: a large replica serves four times as fast as a small one, and costs 2.4 times."""
    folder = tmp_path_factory.mktemp("mix")
    engine(folder)
    small = folder / "engine.yaml"
    fast = {"step_base_ms": [250 * STEP_S, 250 * STEP_S]}
    (folder / "fast").mkdir()
    large = engine(folder / "fast", **fast)

    def pool(service: Path, usd: float) -> dict[str, Any]:
        price = {"usd_per_gpu_hour": usd}
        return {"kind": "gpu_pool", "service": str(service), "replicas": 1, "price": price}

    document = {
        "name": "Mix",
        "horizon": {"duration": "30min", "warm_up": "1min"},
        "workloads": {
            "calls": {
                "arrivals": {"requests_per_second": 4.2},
                "prompt_tokens": 1,
                "output_tokens": 1000,
                "slo": {"e2e_p95": "4s"},
                "route": "all",
            }
        },
        "backends": {"large": pool(large, 2.4), "small": pool(small, 1.0)},
        "variants": {"all": {"pools": ["large", "small"]}},
        "worlds": 12,
    }
    path = folder / "mix.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return Case(path)


def test_a_mix_beats_one_kind_where_the_load_is_a_little_more_than_a_large_replicas(
    case: Case,
) -> None:
    """4.2 a second: a large one serves 4, two cost 4.8, one and a small one serve 5 for 3.4."""
    with bench(1) as ready:
        answer = mix(case, ready, Question(0.5))
        again = mix(case.but(*answer.overrides), ready, Question(0.5))
    assert answer.chosen is not None and answer.single is not None
    assert answer.single.counts == (2, 0)
    assert answer.chosen.counts == (1, 1)
    assert answer.complete
    hours = 365.25 * 24 / 12
    assert answer.saved_usd_per_month == pytest.approx(1.4 * hours, rel=0.01)
    assert "less than the cheapest of one kind, 2 large" in answer.sentence
    check_answer("mix", answer.as_json())
    assert "the answer" in tell(answer).text()
    (chart,) = mix_charts(answer)
    check(chart, thoroughly=True)
    assert again.chosen is not None and again.chosen.counts == (1, 1)


def test_a_backend_with_variants_is_mixed_and_a_pool_is_not(case: Case) -> None:
    scenario = case.load()
    assert mixed(scenario, None) == mixed(scenario, "all") == "all"
    assert mixed(scenario, "large") is None
