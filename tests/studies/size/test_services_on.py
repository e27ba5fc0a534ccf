"""``sim size --gpu``: a model on other GPUs, measured or computed."""

import pytest

from sim.catalog import profile
from sim.errors import PeakfleetError
from sim.studies.size.fleet import services_on

MEASURED = "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"


def test_what_is_measured_on_a_gpu_comes_before_what_could_be_computed():
    found = services_on(["h100-sxm"], profile(MEASURED))
    assert MEASURED in found
    measured = [name for name in found if not name.startswith("computed/")]
    degrees = [profile(name).gpus_per_replica for name in measured]
    assert (found[: len(measured)], degrees) == (measured, [2, 4, 8])
    # Of degrees that were measured none is computed.
    assert found[len(measured) :] == ["computed/llama-3.3-70b/h100-sxm/tp1/fp8"]


def test_where_nobody_measured_it_every_degree_that_the_weights_fit_on_is_computed():
    assert services_on(["l40s", "H100-SXM"], profile("computed/qwen3-32b/l40s/tp2/fp8")) == [
        *(f"computed/qwen3-32b/l40s/tp{count}/fp8" for count in (1, 2, 4, 8)),
        *(f"computed/qwen3-32b/h100-sxm/tp{count}/fp8" for count in (1, 2, 4, 8)),
    ]
    # 70 GB of weights do not fit into 48.
    assert services_on(["l40s"], profile(MEASURED)) == [
        f"computed/llama-3.3-70b/l40s/tp{count}/fp8" for count in (2, 4, 8)
    ]


@pytest.mark.parametrize("written", ["H200", "h200", "H200-SXM", "b200"])
def test_a_gpu_is_the_same_however_it_is_written(written):
    found = services_on([written], profile(MEASURED))
    assert found == services_on(
        [f"{written.casefold().removesuffix('-sxm')}-sxm"], profile(MEASURED)
    )
    assert not any(name.startswith("computed/") for name in found)


def test_a_gpu_that_nobody_makes_is_refused_by_name():
    with pytest.raises(PeakfleetError, match="h900"):
        services_on(["h900"], profile(MEASURED))
