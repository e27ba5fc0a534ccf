"""Pictures are drawn in a process of their own, and are the same as if they were drawn here."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.report.charts import drawing
from sim.report.charts.drawer import Drawer

POINTS = {"data": {"values": [{"x": 1, "y": 2}]}, "mark": "point", "title": "Wörter\nand lines"}
SPEC = json.dumps(POINTS)
NO_SPEC = json.dumps({"mark": "no such mark"})


@pytest.fixture
def drawer():
    made = Drawer()
    yield made
    made._end()


def test_a_picture_is_the_same_to_the_byte_there_and_here(drawer):
    assert drawer.draw(SPEC) == drawing.drawn(SPEC)
    assert drawer._process.pid != os.getpid()


def test_what_is_no_specification_is_said_and_the_next_is_drawn(drawer):
    with pytest.raises(ValueError, match="conversion failed"):
        drawing.drawn(NO_SPEC)
    with pytest.raises(ValueError, match="conversion failed"):
        drawer.draw(NO_SPEC)
    first = drawer._process
    assert drawer.draw(SPEC).svg.startswith(b"<svg")
    assert drawer._process is first


def test_a_process_that_has_been_killed_is_done_without_and_then_begun_anew(drawer):
    drawer.draw(SPEC)
    drawer._process.kill()
    assert drawer.draw(SPEC) == drawing.drawn(SPEC)
    assert drawer._process is None
    assert drawer.draw(SPEC) == drawing.drawn(SPEC)
    assert drawer._process is not None


def test_where_no_process_can_be_pictures_are_drawn_here(drawer, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert drawer.draw(SPEC) == drawing.drawn(SPEC)
    assert drawer._process is None


def test_who_is_interrupted_does_not_get_the_picture_before_the_next(drawer, monkeypatch):
    drawer.draw(SPEC)
    monkeypatch.setattr(json, "loads", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        drawer.draw(SPEC)
    monkeypatch.undo()
    other = json.dumps({**POINTS, "title": "another"})
    assert drawer.draw(other) == drawing.drawn(other)


def test_the_process_outlives_a_ctrl_c_but_not_who_asks():
    code = (
        "import sys; from sim.report.charts.drawer import DRAWER;"
        f"DRAWER.draw({SPEC!r}); print(DRAWER._process.pid, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as asks:
        draws = int(asks.stdout.readline())
        os.kill(draws, signal.SIGINT)
        assert Path(f"/proc/{draws}/stat").read_text().split()[2] != "Z"
        asks.kill()  # without a chance to end what it has begun
        asks.wait()
    for _ in range(1000):
        if not Path(f"/proc/{draws}").exists():
            return
        time.sleep(0.01)
    raise AssertionError("the process that draws is left over")
