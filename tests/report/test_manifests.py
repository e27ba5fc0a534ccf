"""Manifests: valid by Kubernetes' own schemas, and saying what was simulated."""

import io
from dataclasses import replace
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
from fleets import pool as plain_pool
from fleets import profile
from ruamel.yaml import YAML

from sim.__main__ import main
from sim.model.autoscaler import (
    Custom,
    Hpa,
    Keda,
    Knative,
    Predictive,
    ScalingPolicy,
    ScalingRules,
    Scheduled,
    ScheduleEntry,
    Trigger,
)
from sim.model.cache import PrefixCache, Tier
from sim.model.distributions import Constant
from sim.model.lifecycle import ColdStart, Lifecycle
from sim.model.price import DAY_S
from sim.report.manifests import SIGNED, manifests
from sim.report.manifests.keda import timetable
from sim.scenario import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
KUBERNETES = "1.33"  # of the schemas
BEHAVIOUR = {"type": "object"}  # checked in the HPA that has the same

# KEDA's specification of a ScaledObject, its documented fields.
SCALED_OBJECT = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "required": ["scaleTargetRef", "triggers"],
            "additionalProperties": False,
            "properties": {
                "scaleTargetRef": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {
                        key: {"type": "string"}
                        for key in ("apiVersion", "kind", "name", "envSourceContainerName")
                    },
                },
                "pollingInterval": {"type": "integer", "minimum": 1},
                "cooldownPeriod": {"type": "integer", "minimum": 0},
                "initialCooldownPeriod": {"type": "integer", "minimum": 0},
                "idleReplicaCount": {"const": 0},
                "minReplicaCount": {"type": "integer", "minimum": 0},
                "maxReplicaCount": {"type": "integer", "minimum": 1},
                "fallback": {"type": "object"},
                "advanced": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "restoreToOriginalReplicaCount": {"type": "boolean"},
                        "horizontalPodAutoscalerConfig": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"name": {"type": "string"}, "behavior": BEHAVIOUR},
                        },
                        "scalingModifiers": {"type": "object"},
                    },
                },
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["type", "metadata"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"enum": ["prometheus", "cron"]},
                            "name": {"type": "string"},
                            "useCachedMetrics": {"type": "boolean"},
                            "authenticationRef": {"type": "object"},
                            "metricType": {"enum": ["AverageValue", "Value", "Utilization"]},
                            "metadata": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
NEEDED = {  # metadata of a trigger
    "prometheus": {"serverAddress", "query", "threshold"},
    "cron": {"timezone", "start", "end", "desiredReplicas"},
}


def pool(engine=None, **changes):
    return replace(plain_pool(engine or profile(engine="vllm")), **changes)


def design_with(*pools):
    scenario = load_scenario(SCENARIOS / "quickstart.yaml")
    return replace(scenario.typical_design(), pools=pools)


def documents(*pools):
    """The documents by kind; of a kind the last."""
    text = manifests(design_with(*pools), "The SLO holds.")
    return {each["kind"]: each for each in read(text)}


def read(text):
    return [each for each in YAML(typ="safe").load_all(io.StringIO(text)) if each]


def container(*pools):
    found = documents(*pools)
    return found["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def check(document):
    """Against the schema of its kind."""
    if document["apiVersion"] == "keda.sh/v1alpha1":
        jsonschema.validate(document, SCALED_OBJECT)
        for trigger in document["spec"]["triggers"]:
            assert NEEDED[trigger["type"]] <= set(trigger["metadata"])
        config = document["spec"].get("advanced", {}).get("horizontalPodAutoscalerConfig")
        if config:
            hpa = documents(pool(autoscaler=Hpa(target=8.0, max_replicas=3)))
            copy = hpa["HorizontalPodAutoscaler"]
            copy["spec"]["behavior"] = config["behavior"]
            check(copy)
        return
    if document["apiVersion"] == "serving.knative.dev/v1":
        template = document["spec"]["template"]
        assert all(isinstance(v, str) for v in template["metadata"]["annotations"].values())
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **template}
        document["metadata"] = {"name": "x", **template["metadata"]}
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


SLOW = ScalingRules(120.0, (ScalingPolicy("pods", 2.0, 60.0),), "min")
POLICIES = {
    "fixed": None,
    "hpa": Hpa(target=32.0, max_replicas=12, min_replicas=2),
    "hpa of a share": Hpa(
        target=0.8, max_replicas=9, metric="kv_utilisation", tolerance=0.05, scale_down=SLOW
    ),
    "keda": Keda(target=16.0, max_replicas=8, metric="queue", activation_threshold=1.0),
    "keda by saturation": Keda(target=0.7, max_replicas=8, metric="saturation",
                               others=(Trigger("running", 16.0),), scrape_interval_s=15.0),
    "keda that idles at 0": Keda(target=0.7, metric="kv_utilisation", min_replicas=2,
                                 idle_replicas=0),
    "knative": Knative(max_replicas=6, target=20.0, scale_down_delay_s=90.0),
    "timetable": Scheduled((ScheduleEntry(8 * 3600.0, 6), ScheduleEntry(20 * 3600.0, 2))),
    "predictive": Predictive(target=24.0, max_replicas=10),
    "own": Custom("mine", 5, 1),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm", "mine"])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_document_obeys_the_schema_of_its_kind(policy, engine):
    fleet = pool(profile(engine=engine, gpu="h100-sxm"), autoscaler=POLICIES[policy])
    found = documents(fleet)
    for document in found.values():
        check(document)
    scaled = {"hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject", "knative": "Service"}
    kind = scaled.get(policy.split()[0])
    assert kind is None or kind in found


@pytest.mark.parametrize("kind", ["Deployment", "HorizontalPodAutoscaler"])
def test_a_key_that_kubernetes_does_not_know_would_be_noticed(kind):
    document = documents(pool(autoscaler=POLICIES["hpa"]))[kind]
    document["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        check(document)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_scenarios_can_be_emitted_or_say_that_they_have_no_gpus(path):
    design = load_scenario(path, (), True).typical_design()
    if not design.pools:
        with pytest.raises(Exception, match="nothing to emit"):
            manifests(design, "")
        return
    found = read(manifests(design, "So it is."))
    names = [
        each["metadata"]["name"] for each in found if each["kind"] in ("Deployment", "Service")
    ]
    assert len(names) == len(set(names)) == len(design.pools)
    for document in found:
        check(document)


def test_an_engine_gets_the_limits_that_were_simulated():
    limits = {"max_num_seqs": 64, "max_num_batched_tokens": 4096, "max_model_len": 32768}
    common = profile(engine="vllm", gpus_per_replica=4, kv_cache_dtype="fp8", **limits)
    args = container(pool(common, prefix_cache=PrefixCache(16, 1600)))["args"]
    assert {
        "--tensor-parallel-size=4",
        "--max-num-seqs=64",
        "--max-num-batched-tokens=4096",
        "--max-model-len=32768",
        "--kv-cache-dtype=fp8",
        "--enable-prefix-caching",
        "--no-async-scheduling",
    } <= set(args)
    ranks = replace(common, engine="sglang", data_parallel_ranks=4, steps_in_flight=2)
    args = container(pool(ranks))["args"]
    assert {
        "--tp-size=4",
        "--dp-size=4",
        "--enable-dp-attention",
        "--max-running-requests=256",  # of four ranks
        "--chunked-prefill-size=4096",
        "--context-length=32768",
        "--kv-cache-dtype=fp8_e4m3",
        "--disable-radix-cache",
    } <= set(args)
    assert "--disable-overlap-schedule" not in args


def test_what_tensorrt_llm_has_no_flag_for_is_in_its_file_of_options():
    engine = profile(engine="trtllm", kv_cache_dtype="fp8", admission="whole")
    found = documents(pool(engine))
    options = read(found["ConfigMap"]["data"]["options.yaml"])[0]
    assert options["kv_cache_config"]["dtype"] == "fp8"
    assert options["kv_cache_config"]["enable_block_reuse"] is False
    assert options["scheduler_config"]["capacity_scheduler_policy"] == "GUARANTEED_NO_EVICT"
    pod = found["Deployment"]["spec"]["template"]["spec"]
    mounted = pod["containers"][0]["volumeMounts"][0]["mountPath"]
    assert f"--extra_llm_api_options={mounted}/options.yaml" in pod["containers"][0]["args"]
    assert pod["volumes"][0]["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]


def test_an_engine_gets_its_tier_in_host_memory():
    """100 GiB for two GPUs: vLLM is told of both, SGLang and TensorRT-LLM of each."""
    host = Tier("host", 100 * 2**30, 1e9, 1e9, writes_through=False)
    cache = PrefixCache(16, 1600, True, (host,), bytes_per_token=1.0)
    args = {
        name: container(pool(profile(engine=name, gpus_per_replica=2), prefix_cache=cache))["args"]
        for name in ("vllm", "sglang")
    }
    assert {"--kv-offloading-backend=native", "--kv-offloading-size=100"} <= set(args["vllm"])
    assert {
        "--enable-hierarchical-cache",
        "--hicache-size=54",
        "--hicache-write-policy=write_back",
    } <= set(args["sglang"])
    found = documents(pool(profile(engine="trtllm", gpus_per_replica=2), prefix_cache=cache))
    options = read(found["ConfigMap"]["data"]["options.yaml"])[0]
    assert options["kv_cache_config"]["host_cache_size"] == 50 * 2**30


def test_replicas_are_left_to_the_autoscaler_where_there_is_one():
    assert documents(pool(replicas=7))["Deployment"]["spec"]["replicas"] == 7
    found = documents(pool(autoscaler=POLICIES["hpa"]))
    assert "replicas" not in found["Deployment"]["spec"]
    spec = found["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 12)
    assert spec["metrics"][0]["pods"]["target"]["averageValue"] == "32"
    assert spec["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]


def test_behaviour_of_an_hpa_is_the_simulated_one():
    spec = documents(pool(autoscaler=POLICIES["hpa of a share"]))["HorizontalPodAutoscaler"]["spec"]
    down = spec["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 120
    assert down["selectPolicy"] == "Min"
    assert down["policies"] == [{"type": "Pods", "value": 2, "periodSeconds": 60}]
    assert down["tolerance"] == "50m"
    assert spec["metrics"][0]["pods"]["target"]["averageValue"] == "800m"


def test_knative_is_told_by_annotations():
    template = documents(pool(autoscaler=POLICIES["knative"]))["Service"]["spec"]["template"]
    told = {k.split("/")[1]: v for k, v in template["metadata"]["annotations"].items()}
    assert told["metric"] == "concurrency"
    assert (told["target"], told["target-utilization-percentage"]) == ("20", "70")
    assert (told["min-scale"], told["max-scale"]) == ("0", "6")
    assert (told["window"], told["scale-down-delay"]) == ("60s", "90s")


def test_a_replica_may_take_as_long_to_start_as_was_simulated():
    late = Lifecycle(cold_start=ColdStart(loading=(Constant(300.0),), deadline_s=595.0),
                     drain_limit_s=120.0)  # fmt: skip
    found = documents(pool(lifecycle=late))["Deployment"]["spec"]["template"]["spec"]
    probe = found["containers"][0]["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] == 600
    assert found["terminationGracePeriodSeconds"] == 120


# Timetables


def minutes(cron):
    """Minutes of the week, from Monday on, at which a cron expression is due."""
    minute, hour, _, _, days = cron.split()
    which = range(7) if days == "*" else [(int(day) - 1) % 7 for day in days.split(",")]
    return sorted(day * 1440 + int(hour) * 60 + int(minute) for day in which)


def by_cron(policy):
    """Replicas in each minute of the week, by KEDA's rule: the most of what is on."""
    spec = timetable("x", policy)["spec"]
    asked = [spec["minReplicaCount"]] * (7 * 1440)
    for trigger in spec["triggers"]:
        told = trigger["metadata"]
        begins, ends = minutes(told["start"]), minutes(told["end"])
        for begin in begins:
            end = min((e - begin) % (7 * 1440) or 7 * 1440 for e in ends)
            for at in range(begin, begin + end):
                asked[at % (7 * 1440)] = max(asked[at % (7 * 1440)], int(told["desiredReplicas"]))
    return asked


def by_table(policy):
    """The same by the timetable's own rule, minute by minute."""
    week = sorted(
        (day * DAY_S + entry.time_of_day_s, entry.replicas)
        for entry in policy.table
        for day in entry.weekdays
    )

    def at(second):
        return next((n for t, n in reversed(week) if t <= second), week[-1][1])

    return [
        max(at(60 * m), at((60 * m + policy.lead_s) % (7 * DAY_S))) if policy.lead_s
        else at(60 * m)
        for m in range(7 * 1440)
    ]  # fmt: skip


OFFICE = (0, 1, 2, 3, 4)
TIMETABLES = {
    "days": Scheduled((ScheduleEntry(8 * 3600.0, 6), ScheduleEntry(20 * 3600.0, 2))),
    "three steps": Scheduled(
        (ScheduleEntry(0.0, 1), ScheduleEntry(9 * 3600.0, 8), ScheduleEntry(17.5 * 3600, 3))
    ),
    "office days": Scheduled(
        (
            ScheduleEntry(7 * 3600.0, 9, OFFICE),
            ScheduleEntry(19 * 3600.0, 2, OFFICE),
            ScheduleEntry(10 * 3600.0, 4, (5, 6)),
            ScheduleEntry(22 * 3600.0, 1, (5, 6)),
        )
    ),
    "ahead": Scheduled((ScheduleEntry(8 * 3600.0, 6), ScheduleEntry(20 * 3600.0, 2)), lead_s=900.0),
    "ahead over midnight": Scheduled(
        (ScheduleEntry(300.0, 6), ScheduleEntry(4 * 3600.0, 2)), lead_s=1800.0
    ),
    "always": Scheduled((ScheduleEntry(0.0, 5),)),
}


@pytest.mark.parametrize("name", TIMETABLES)
def test_cron_triggers_ask_for_what_the_timetable_says_in_every_minute(name):
    policy = TIMETABLES[name]
    assert by_cron(policy) == by_table(policy)


# The command


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


QUICK = [str(SCENARIOS / "quickstart.yaml"), "--worlds", "1", "--jobs", "1", "--set",
         "horizon.days=0.01"]  # fmt: skip


def test_a_run_emits_its_fleet_and_again_over_its_own_file(here, capsys):
    for _ in range(2):
        assert main(["run", *QUICK, "--emit", "fleet.yaml"]) == 0
    text = Path("fleet.yaml").read_text()
    assert text.startswith(f"# {SIGNED}")
    assert "Support assistant" in text
    assert [each["kind"] for each in read(text)] == ["Deployment"]
    assert "manifests in fleet.yaml" in capsys.readouterr().err
    assert not list(here.glob(".fleet*"))


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("mine.yaml", "was not written by sim"),
        ("nowhere/fleet.yaml", "no folder nowhere"),
        ("link.yaml", "no regular file"),
        (".", "no regular file"),
    ],
)
def test_what_cannot_be_written_is_found_before_the_work(here, capsys, place, says):
    Path("mine.yaml").write_text("mine")
    Path("link.yaml").symlink_to("mine.yaml")
    assert main(["run", *QUICK, "--emit", place]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""
    assert Path("mine.yaml").read_text() == "mine"


def test_a_scenario_without_gpus_has_nothing_to_emit(here, capsys):
    path = str(SCENARIOS / "pilot.yaml")
    assert main(["run", path, "--worlds", "1", "--emit", "fleet.yaml"]) == 2
    assert "nothing to emit" in capsys.readouterr().err


def test_what_gives_way_when_it_runs_needs_an_engine_with_priorities():
    design = load_scenario(SCENARIOS / "overnight.yaml").typical_design()
    assert "--enable-priority-scheduling" in " ".join(manifests(design, "d").split("\n# "))
    kept = load_scenario(SCENARIOS / "overnight.yaml", ("workloads.documents.yields=queue",))
    assert "priorities" not in manifests(kept.typical_design(), "d")
