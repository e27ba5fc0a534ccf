"""``sim explore``: who may ask, what is answered, what is saved, and how it ends."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from places import ROOT, SHIPPED
from processes_alive import MARK, left
from ruamel.yaml import YAML
from small_answers import SCENARIO

from sim.__main__ import main
from sim.errors import PeakfleetError, ResultError
from sim.explore.board import Board
from sim.explore.changes import overrides, scaled
from sim.explore.controls import controls
from sim.explore.guard import Guard
from sim.explore.server import Server
from sim.explore.serving import check_address
from sim.explore.study import Study
from sim.explore.writing import ExistsError, changed_text, save
from sim.scenario.text.yaml_file import read_document
from sim.studies.case import Case

TOKEN = "the-token"
VOLUME = "workloads.chat.arrivals.requests_per_second"
REPLICAS = "backends.own.replicas"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with its study, whose worlds are simulated in this process."""
    folder = tmp_path_factory.mktemp("explore")
    path = folder / "shop.yaml"
    path.write_text("# Ours.\n" + SCENARIO)
    server = Server("127.0.0.1", 0, TOKEN, folder)
    with ThreadPoolExecutor(1) as executor:
        server.study = Study(Case(path), server.board, executor, 1, 4)
        server.study.start()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.study.end()
        server.board.close()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(server, method="POST", path="/change", body=None, **headers):
    """Status and content of an answer; a header that is None is left out."""
    host = server.guard.hosts[0]
    usual = {
        "Host": host,
        "Origin": f"http://{host}",
        "X_Peakfleet_Token": TOKEN,
        "Content_Type": "application/json",
    }
    sent = {
        name.replace("_", "-"): value
        for name, value in (usual | headers).items()
        if value is not None
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    text = json.dumps({"changes": {}} if body is None else body)
    connection.putrequest(method, path, skip_host=True)
    for name, value in sent.items():
        connection.putheader(name, value)
    if method == "POST":
        connection.putheader("Content-Length", str(len(text.encode())))
    connection.endheaders(text.encode() if method == "POST" else None)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer


def shown(server, number, *kinds, patience_s=120.0):
    """The last message of a kind that answers a question."""
    give_up_s = time.monotonic() + patience_s
    while time.monotonic() < give_up_s:
        for each in server.board.after(0, 0.1) or []:
            if each.kind in kinds and each.content["number"] == number:
                done = each.kind == "problem" or each.content.get("last")
                if done:
                    return each
    raise AssertionError(f"no {kinds} of question {number}")


REFUSED = {
    "a foreign page": {"Origin": "http://evil.example"},
    "a page of another port": {"Origin": "http://127.0.0.1:1"},
    "a page of a file": {"Origin": "null"},
    "no page": {"Origin": None},
    "a foreign host that resolves to us": {"Host": "evil.example", "Origin": "http://evil.example"},
    "another port": {"Host": "127.0.0.1:1"},
    "no host": {"Host": None},
    "another site": {"Sec_Fetch_Site": "cross-site"},
    "no token": {"X_Peakfleet_Token": None},
    "another token": {"X_Peakfleet_Token": "the-tokem"},
    "a token of other letters": {"X_Peakfleet_Token": "tøken"},
}


@pytest.mark.parametrize("path", ["/change", "/save", "/text"])
@pytest.mark.parametrize("whose", REFUSED)
def test_what_does_not_come_from_our_own_page_is_refused(served, path, whose):
    headers = REFUSED[whose]
    status, content, _ = ask(served, path=path, body={"changes": {REPLICAS: "7"}}, **headers)
    assert status == 403
    assert json.loads(content)["lines"][0].startswith("refused: ")
    assert list(served.folder.iterdir()) == [served.folder / "shop.yaml"]


@pytest.mark.parametrize("path", ["/", "/events"])
@pytest.mark.parametrize(
    "given",
    [
        {"query": ""},
        {"query": "?token=other"},
        {"query": f"?token={TOKEN}", "Host": "evil.example"},
        {"query": f"?token={TOKEN}", "Origin": "http://evil.example"},
        {"query": f"?token={TOKEN}", "Sec_Fetch_Site": "cross-site"},
        {"query": f"?token={TOKEN}", "Sec_Fetch_Site": "same-site"},
    ],
)
def test_the_page_and_its_events_are_for_those_who_have_the_address(served, path, given):
    headers = {"Origin": None} | {key: value for key, value in given.items() if key != "query"}
    status, content, _ = ask(served, "GET", path + given["query"], **headers)
    assert status == 403
    assert TOKEN.encode() not in content


def test_the_page_has_the_controls_and_may_not_be_framed_or_kept(served):
    status, content, answer = ask(served, "GET", f"/?token={TOKEN}", Origin=None)
    page = content.decode()
    assert status == 200
    assert f'data-path="{VOLUME}"' in page
    assert "workload chat" in page
    assert "shop-changed.yaml" in page
    assert "connect-src 'self'" in page
    assert "Shop &lt;b&gt;&amp;&lt;/b&gt;" in page
    assert "<b>&" not in page
    assert answer.getheader("X-Frame-Options") == "DENY"
    assert answer.getheader("Cache-Control") == "no-store"
    assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([], {}),
        ({"changes": []}, {}),
        ({}, {}),
        ({"changes": {}}, {"Content_Type": "text/plain"}),
        ({"changes": {REPLICAS: "1" * 70_000}}, {}),
    ],
)
def test_what_is_no_change_is_refused(served, body, headers):
    assert ask(served, body=body, **headers)[0] == 400


def test_unknown_places_and_methods_are_refused(served):
    assert ask(served, path="/other")[0] == 404
    assert ask(served, "GET", f"/../shop.yaml?token={TOKEN}", Origin=None)[0] == 404
    assert ask(served, "PUT")[0] == 501


def test_a_change_is_answered_with_the_figures_of_that_scenario(served):
    status, content, _ = ask(served, body={"changes": {REPLICAS: "1", VOLUME: "3"}})
    assert status == 200
    answer = shown(served, json.loads(content)["number"], "answer").content
    assert answer["worlds"] == 4
    assert "8,766&nbsp;USD a month" in answer["contents"]
    assert answer["changes"] == {REPLICAS: "1", VOLUME: "3"}
    assert answer["charts"]
    progress = [each for each in served.board.after(0, 0) if each.kind == "progress"]
    assert progress[0].content["done"] == 4


def test_a_newer_question_takes_the_place_of_an_older_one(served):
    numbers = [
        json.loads(ask(served, body={"changes": {REPLICAS: str(count)}})[1])["number"]
        for count in (2, 3, 4)
    ]
    assert numbers == sorted(numbers)
    answer = shown(served, numbers[-1], "answer").content
    assert answer["changes"] == {REPLICAS: "4"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({REPLICAS: "0"}, "--set backends.own.replicas=0: backends.own.replicas: 0 must be at"),
        ({REPLICAS: "{"}, "--set backends.own.replicas={"),
        ({VOLUME: "-3"}, "--set workloads.chat.arrivals.requests_per_second="),
        ({"backends.own.service": "no/such"}, "backends.own.service"),
        ({"backends.own.autoscaler": "x"}, "is not among the controls of this page"),
        ({REPLICAS: "1\n2"}, "must be a text of one line"),
        ({REPLICAS: 3}, "must be a text of one line"),
    ],
)
def test_what_cannot_be_simulated_is_told_as_on_the_command_line(served, changes, said):
    number = json.loads(ask(served, body={"changes": changes})[1])["number"]
    lines = shown(served, number, "problem").content["lines"]
    assert lines[0].startswith(said) or said in lines[0]
    assert "\n" not in "".join(lines)
    status, content, _ = ask(served, path="/text", body={"changes": changes})
    assert status == 422
    assert json.loads(content)["lines"] == lines


def test_a_changed_scenario_is_saved_beside_and_nothing_is_overwritten_unasked(served):
    body = {"changes": {REPLICAS: "5"}, "name": "saved.yaml"}
    status, content, _ = ask(served, path="/save", body=body)
    assert status == 200
    place = Path(json.loads(content)["saved"])
    assert place == served.folder / "saved.yaml"
    written = place.read_text()
    assert written.startswith("# Ours.\n")
    assert Case(place).load().document["backends"]["own"]["replicas"] == 5
    other = body | {"changes": {REPLICAS: "6"}}
    status, content, _ = ask(served, path="/save", body=other)
    assert status == 409
    assert "is there already" in json.loads(content)["lines"][0]
    assert place.read_text() == written
    assert ask(served, path="/save", body=other | {"overwrite": True})[0] == 200
    assert Case(place).load().document["backends"]["own"]["replicas"] == 6
    place.unlink()


@pytest.mark.parametrize(
    "name", ["../up.yaml", "/tmp/x.yaml", "x.py", ".yaml", "", "a\n.yaml", None]
)
def test_a_name_that_is_none_of_a_scenario_here_is_refused(served, name):
    status, _, _ = ask(served, path="/save", body={"changes": {}, "name": name})
    assert status == 422
    assert list(served.folder.iterdir()) == [served.folder / "shop.yaml"]


def test_no_link_is_followed_to_a_file_elsewhere(tmp_path):
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(ExistsError):
        save("other", tmp_path, "link.yaml", overwrite=False)
    with pytest.raises(ResultError, match="cannot be written"):
        save("other", tmp_path, "link.yaml", overwrite=True)
    assert (tmp_path / "secret").read_text() == "mine"


@pytest.mark.parametrize("is_read", [False, True])
def test_a_pipe_is_no_place_to_save_to_and_keeps_nobody_waiting(tmp_path, is_read):
    os.mkfifo(tmp_path / "pipe.yaml")
    reader = os.open(tmp_path / "pipe.yaml", os.O_RDONLY | os.O_NONBLOCK) if is_read else None
    with pytest.raises(ResultError, match=r"no regular file|cannot be written"):
        save("other", tmp_path, "pipe.yaml", overwrite=True)
    if reader is not None:
        os.close(reader)


def test_a_longer_file_is_written_over_whole(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a longer one than the other\n")
    assert save("name: b\n", tmp_path, "a.yaml", overwrite=True).read_text() == "name: b\n"


def moved(path):
    """Each number of a scenario moved by a half, as the page would send it."""
    case = Case(path)
    data = read_document(path).data
    known = controls(data, case.load())
    asked = {}
    for each in known:
        if each.form == "number":
            half = (each.low * each.high) ** 0.5 * 1.5
            asked[each.path] = str(int(half) + 1) if each.whole else f"{half:.3g}"
    return case, known, asked, data


@pytest.mark.parametrize("name", ["quickstart", "spot", "api_outage", "pilot", "azure_trace"])
def test_a_shipped_scenario_keeps_its_comments_and_loads_to_what_was_shown(name):
    path = SHIPPED / f"{name}.yaml"
    case, known, asked, data = moved(path)
    assert asked
    changes = overrides(known, asked, data)
    scenario = case.load(changes)
    text = changed_text(path, changes, scenario)
    assert text != scenario.to_yaml()
    before = path.read_text()
    assert text.count("#") == before.count("#")
    assert len(text.splitlines()) == len(before.splitlines())


def test_every_shipped_scenario_has_a_control_of_its_volume():
    for path in sorted(SHIPPED.glob("*.yaml")):
        known = controls(read_document(path).data, Case(path).load())
        assert any(".arrivals." in each.path for each in known), path.name
        assert len({each.path for each in known}) == len(known)


def test_a_distribution_is_moved_as_a_whole():
    halved = {
        "{p5: 200, p95: 4k}": {"p5": 100.0, "p95": 2000.0},
        "{normal: {mean: 10, cv: 0.2}}": {"normal": {"mean": 5.0, "cv": 0.2}},
        "{choice: {values: [1, 40], weights: [99, 1]}}": {
            "choice": {"values": [0.5, 20.0], "weights": [99, 1]}
        },
        "{empirical: [2, 4]}": {"empirical": [1.0, 2.0]},
        "{mixture: [{weight: 1, uniform: {low: 2, high: 4}}]}": {
            "mixture": [{"weight": 1, "uniform": {"low": 1.0, "high": 2.0}}]
        },
    }
    for written, expected in halved.items():
        assert scaled(YAML(typ="safe", pure=True).load(written), 0.5) == expected
    with pytest.raises(PeakfleetError, match="cannot be moved"):
        scaled({"empirical": {"csv": "x.csv"}}, 2.0)


def test_the_guard_knows_the_address_that_is_listened_on():
    usual = Guard.of(TOKEN, "127.0.0.1", 80)
    assert usual.hosts == ("127.0.0.1:80", "localhost:80", "[::1]:80")
    assert Guard.of(TOKEN, "192.0.2.1", 80).hosts == ("192.0.2.1:80",)
    assert Guard.of(TOKEN, "2001:db8::1", 80).hosts == ("[2001:db8::1]:80",)
    headers = {"Host": "localhost:80"}
    assert usual.refusal(headers, TOKEN, needs_origin=False) == ""
    assert usual.refusal(headers, "", needs_origin=False)
    for address in ("0.0.0.0", "::", "example.org", "224.0.0.1", ""):
        with pytest.raises(PeakfleetError, match="--host"):
            check_address(address)
    check_address("127.0.0.1")
    check_address("localhost")


def test_a_board_has_the_last_of_each_kind_for_whoever_comes():
    board = Board()
    board.put("progress", done=1)
    board.put("answer", text="a")
    board.put("progress", done=2)
    found = board.after(0, 0)
    assert [(each.kind, each.content) for each in found] == [
        ("answer", {"text": "a"}),
        ("progress", {"done": 2}),
    ]
    assert board.after(found[-1].number, 0.01) == []
    board.close()
    assert board.after(0, 10.0) is None


@pytest.mark.parametrize(("ending", "jobs"), [(signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_ctrl_c_ends_the_server_and_its_workers(tmp_path, ending, jobs):
    path = tmp_path / "shop.yaml"
    path.write_text(SCENARIO)
    mark = f"explore-{os.getpid()}-{ending}"
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", "explore", str(path), "--jobs", str(jobs)],
        env={**os.environ, "PYTHONPATH": str(ROOT), MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    address, _, token = url.removeprefix("http://").partition("/?token=")
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("GET", f"/events?token={token}", headers={"Host": address})
    events = connection.getresponse()
    while b"event: progress" not in events.readline():
        pass
    process.send_signal(ending)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert out == ""
    assert left(mark) == []
    connection.close()


def test_a_scenario_that_is_not_sound_or_an_address_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "shop.yaml"
    path.write_text(SCENARIO)
    for arguments in (
        [str(tmp_path / "nothing.yaml")],
        [str(tmp_path)],
        [str(path), "--set", "worlds=0"],
        [str(path), "--host", "0.0.0.0"],
        [str(path), "--host", "192.0.2.77"],
    ):
        assert main(["explore", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("sim: ")
        assert captured.err.count("\n") <= 2
