"""The server of the page: a thread for each request, answers over server-sent events."""

import json
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sim.errors import PeakfleetError
from sim.explore.board import Board
from sim.explore.guard import HEADER, Guard
from sim.explore.panel import panel, text_of
from sim.explore.study import Study, first_page, lines_of
from sim.explore.writing import ExistsError, changed_text, save
from sim.report.page import render

MOST_BYTES = 65_536  # of a request
ALIVE_S = 10.0  # between signs of life, from which a reader that is gone is known
READ_S = 30.0  # that a request may take to come in
SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
}


class Server(ThreadingHTTPServer):
    """Serves one study.

    Parameters
    ----------
    address : str
    port : int
        0 for any that is free.
    token : str
    folder : Path
        Where changed scenarios are saved.
    """

    daemon_threads = True

    def __init__(self, address: str, port: int, token: str, folder: Path) -> None:
        self.board = Board()
        self.study: Study | None = None
        self.folder = folder
        if ":" in address:
            self.address_family = socket.AF_INET6
        super().__init__((address, port), Handler)
        self.guard = Guard.of(token, address, self.server_port)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.guard.hosts[0]}/?token={self.guard.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong; a reader who went away is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    server_version = "peakfleet"
    sys_version = ""
    timeout = READ_S

    def do_GET(self) -> None:
        """The page, or what is new for it."""
        asked = urlsplit(self.path)
        token = parse_qs(asked.query).get("token", [""])[0]
        if not self._may(token, needs_origin=False):
            return
        if asked.path == "/":
            self._page()
        elif asked.path == "/events":
            self._events()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        """A change, or a wish for its text."""
        acts: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "/change": self._change,
            "/text": self._text,
            "/save": self._save,
        }
        if not self._may(self.headers.get(HEADER, ""), needs_origin=True):
            return
        act = acts.get(self.path)
        content = self._content() if act else None
        if act is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing to be asked there")
        elif content is None:
            self._refuse(HTTPStatus.BAD_REQUEST, 'must be JSON: {"changes": {PATH: TEXT}}')
        else:
            try:
                self._json(HTTPStatus.OK, act(content))
            except ExistsError as error:
                self._json(HTTPStatus.CONFLICT, {"lines": lines_of(error)})
            except PeakfleetError as error:
                self._json(HTTPStatus.UNPROCESSABLE_ENTITY, {"lines": lines_of(error)})

    def _may(self, token: str, needs_origin: bool) -> bool:
        why = self.server.guard.refusal(dict(self.headers.items()), token, needs_origin)
        if why:
            self._refuse(HTTPStatus.FORBIDDEN, why)
        return not why

    @property
    def _study(self) -> Study:
        assert self.server.study is not None
        return self.server.study

    def _page(self) -> None:
        study = self._study
        stem = getattr(study.case.path, "stem", "scenario")
        before = panel(study.controls, self.server.guard.token, f"{stem}-changed.yaml")
        page = render(
            first_page(study.scenario),
            before=before,
            scripts=[text_of("explore.js")],
            style=text_of("explore.css"),
            live=True,
        )
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", page.encode())

    def _events(self) -> None:
        self._begin(HTTPStatus.OK, "text/event-stream", None)
        seen = 0
        while (found := self.server.board.after(seen, ALIVE_S)) is not None:
            for each in found:
                data = json.dumps(each.content, separators=(",", ":"))
                self.wfile.write(f"event: {each.kind}\ndata: {data}\n\n".encode())
                seen = each.number
            if not found:
                self.wfile.write(b": alive\n\n")
            self.wfile.flush()
        self.wfile.write(b"event: ended\ndata: {}\n\n")

    def _content(self) -> dict[str, Any] | None:
        """What was sent; None where it is no JSON of changes."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return None
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != "application/json" or not 0 < length <= MOST_BYTES:
            return None
        try:
            content = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            return None
        if not isinstance(content, dict) or not isinstance(content.get("changes"), dict):
            return None
        return content

    def _change(self, content: dict[str, Any]) -> dict[str, Any]:
        return {"number": self._study.ask(content["changes"])}

    def _text(self, content: dict[str, Any]) -> dict[str, Any]:
        changes, scenario = self._study.changed(content["changes"])
        path = self._study.case.path
        assert isinstance(path, Path)
        return {"text": changed_text(path, changes, scenario)}

    def _save(self, content: dict[str, Any]) -> dict[str, Any]:
        text = self._text(content)["text"]
        overwrite = content.get("overwrite") is True
        return {"saved": str(save(text, self.server.folder, str(content.get("name")), overwrite))}

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True
        self._json(status, {"lines": [f"refused: {why}"]})

    def _json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._begin(status, kind, len(body))
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, kind: str, length: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in SAFE.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is said of each request: stderr is for people."""
