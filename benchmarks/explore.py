"""How soon the page of ``sim explore`` has an answer to a slider that was moved.

    python benchmarks/explore.py [MOVES]

A server of the quick start is started as a user would; its volume and replicas are moved in turn,
as the page's script moves them, each while the worlds of the move before are still simulated. The
time is that from the request to the first answer's event, with all its text and figures.
"""

import http.client
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

SCENARIO = Path(__file__).parent.parent / "scenarios" / "quickstart.yaml"
PAUSE_S = 1.0  # between an answer and the next move: amid the refinement of the answer
VOLUME, REPLICAS = "workloads.chat.arrivals.requests_per_day", "backends.large.replicas"


def answer(events: http.client.HTTPResponse, number: int) -> float:
    """When the first answer to a question was there."""
    kind = ""
    while True:
        line = events.readline().decode()
        if line.startswith("event: "):
            kind = line.removeprefix("event: ").strip()
        elif line.startswith("data: ") and kind in ("answer", "problem"):
            content = json.loads(line.removeprefix("data: "))
            if content["number"] == number:
                assert kind == "answer", content
                return time.perf_counter()


def main(moves: int) -> None:
    """Move, and print how long answers took."""
    command = [sys.executable, "-m", "sim", "explore", str(SCENARIO), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address, _, token = server.stdout.readline().strip().removeprefix("http://").partition("/")
        token = token.removeprefix("?token=")
        listening = http.client.HTTPConnection(address)
        listening.request("GET", f"/events?token={token}")
        events = listening.getresponse()
        answer(events, 0)
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://{address}",
            "X-Peakfleet-Token": token,
        }
        took_s = []
        for move in range(moves):
            changes = {VOLUME: f"{60 + 10 * (move % 9)}k", REPLICAS: str(2 + move % 5)}
            asking = http.client.HTTPConnection(address)
            began_s = time.perf_counter()
            asking.request("POST", "/change", json.dumps({"changes": changes}), headers)
            number = json.loads(asking.getresponse().read())["number"]
            took_s.append(answer(events, number) - began_s)
            time.sleep(PAUSE_S)
        server.terminate()
    middle, most = statistics.median(took_s), max(took_s)
    print(f"{moves} moves: first answer after {middle:.2f} s in the median, {most:.2f} s at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
