"""Budgets that several APIs share: what they compile to, and what they cannot mean."""

import pytest
from scenario_documents import BACKENDS, only_problem, written

from sim.scenario import load_scenario

LISTED = "(one of mini, frontier, open)"
NO_FEE = "backends.frontier.price.subscription=null"


@pytest.fixture
def backends(tmp_path):
    return written(tmp_path, BACKENDS)


def shared(keys: str = "usd: 500, per: month", of: str = "mini, open") -> str:
    return f"budgets={{team: {{{keys}, backends: [{of}]}}}}"


def test_a_shared_budget_is_one_for_all_that_have_it_beside_their_own(backends):
    scenario = load_scenario(
        backends,
        (
            "horizon={start: 2026-11-29T12:00, days: 3}",
            shared("usd: {p5: 400, p95: 600}, per: month, spent: 100"),
            "budgets.key={usd: 9, per: day, backends: [open]}",
        ),
    )
    values = {u.path: u.distribution.ppf(0.5) for u in scenario.inputs}
    mini, frontier, hosted, _ = scenario.design(values).managed
    assert [budget.shared for budget in mini.budgets] == ["", "team"]
    assert [budget.shared for budget in hosted.budgets] == ["team", "key"]
    assert frontier.budgets == ()
    team, key = hosted.budgets
    assert team == mini.budgets[1]
    assert (team.usd, team.spent_usd) == (values["budgets.team.usd"], 100.0)
    assert team.ends_s[0] == 1.5 * 86_400  # December begins
    assert key.ends_s[0] == 0.5 * 86_400
    again = load_scenario(written(backends.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ([shared(of="mini, opne")],
         "budgets.team.backends.1: 'opne' is no managed API, which is paid by the token "
         "(did you mean 'open'?)"),
        ([shared(of="mini, own")],
         "budgets.team.backends.1: 'own' is no managed API, which is paid by the token "
         f"{LISTED}"),
        ([shared(of="device")],
         "budgets.team.backends.0: 'device' is no managed API, which is paid by the token "
         f"{LISTED}"),
        ([shared(of="")], "budgets.team.backends: is empty, must have at least one entry"),
        ([shared(of="mini, mini")], "budgets.team.backends.1: 'mini' is there twice (remove one)"),
        ([shared(of="mini, 3")], "budgets.team.backends.1: 3 must be a text (put it in quotes)"),
        ([shared(of="mini, frontier")],
         "budgets.team.backends.1: 'frontier' has a subscription, which is paid by the month, not "
         "spent (remove one or the other)"),
        ([shared("usd: 500")], "budgets.team.per: is missing (such as per: day)"),
        ([shared("usd: 0, per: day")], "budgets.team.usd: 0 must be greater than 0"),
        ([shared("usd: 5, per: day, spent: 6")],
         "budgets.team.spent: (6) is more than the budget (5), which is left out all the time "
         "(spend at most all of it)"),
        (["budgets={team: {usd: 500, per: month}}"], "budgets.team.backends: is missing (such as "
         "backends: [small, large])"),
        ([shared(of="mini, [open]")], "budgets.team.backends.1: a list of 1 must be a text"),
        ([shared(of="{name: mini}")], "budgets.team.backends.0: a mapping must be a text"),
        ([shared(of="mini, null")],
         "budgets.team.backends.1: is empty (give a value or remove the entry)"),
        (["budgets=500"], "budgets: 500 must be a mapping"),
        (["budgets={team: 500}"],
         "budgets.team: 500 must be a mapping (keys: usd, per, spent, backends)"),
        (["budgets={}"], "budgets: is empty, must have at least one entry"),
        (["budgets={2nd team: {usd: 5, per: day, backends: [mini]}}"],
         "budgets.2nd team: name '2nd team' must be a letter from a to z, then such letters, "
         "digits, - or _ (at most 64 characters)"),
        (["backends.mini.budget={usd: 5, per: day, shared: team}"],
         "backends.mini.budget.shared: unknown key (one of usd, per, spent)"),
    ],
)  # fmt: skip
def test_what_a_shared_budget_cannot_mean_is_one_line(backends, overrides, problem):
    assert only_problem(backends, overrides) == problem


def test_one_misspelt_name_is_one_error(backends):
    renamed = BACKENDS.replace("  open: {", "  opened: {").replace(
        "one_off:", "budgets: {team: {usd: 5, per: day, backends: [open]}}\none_off:"
    )
    path = written(backends.parent, renamed)
    assert "the same at workloads.nightly.route, budgets.team.backends.0" in only_problem(path, ())


def test_a_shared_budget_of_a_longer_period_is_asked_about_once(backends):
    text = "budgets.team: its month is longer than the horizon of 1d"
    warnings = load_scenario(backends, (shared(), NO_FEE)).warnings
    assert sum(text in each for each in warnings) == 1


def test_a_budget_that_nobody_can_spend_is_advised_on(backends):
    unused = "backends.spare={kind: managed_api, model: gpt-4.1-mini, candidate: true}"
    advice = "budgets.team: makes no difference, as no workload is routed to spare"
    own, other = shared(of="spare"), shared(of="spare, mini")
    assert advice in load_scenario(backends, (unused, own, NO_FEE)).warnings
    assert not any(
        "routed to spare" in w for w in load_scenario(backends, (unused, other)).warnings
    )
