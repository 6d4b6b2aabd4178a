"""Metrics, health and readiness over HTTP, to this machine alone.

`/metrics`: Prometheus' format. `/health`, `/healthz`: this process answers. `/ready`, `/readyz`: 200 where all
conditions hold, else 503; the body says which. Nothing here holds content. A request that names another host is turned
away: a web page that a browser on this machine shows could else read all this through a name of its own.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from socketserver import ThreadingMixIn
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from bus.errors import TocsinError, UsageError
from bus.operate.health import conditions
from bus.operate.measures import Measures

HOST: Final = "127.0.0.1"
_LOCAL: Final = frozenset({HOST, "localhost", "::1"})
_TIMEOUT_S: Final = 10.0
"""For a client that says nothing."""
_JSON: Final = [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")]

_log = logging.getLogger(__name__)

_Answer: TypeAlias = tuple[str, dict[str, Any]]


def application(registry: CollectorRegistry, measures: Measures, version: str) -> WSGIApplication:
    """What answers; `version` is Tocsin's."""
    metrics: WSGIApplication = make_wsgi_app(registry)
    started = time.monotonic()
    answers: dict[str, Callable[[], _Answer]] = {
        "/health": lambda: _healthy(version, time.monotonic() - started),
        "/ready": lambda: _ready(measures),
    }
    answers |= {"/healthz": answers["/health"], "/readyz": answers["/ready"]}

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not _is_local(environ.get("HTTP_HOST", "")):
            return _say(start_response, ("403 Forbidden", {"error": f"ask {HOST} or localhost"}))
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _say(start_response, ("405 Method Not Allowed", {"error": "only GET"}))
        try:
            if path == "/metrics":
                measures.refresh()
                return metrics(environ, start_response)
            if path in answers:
                return _say(start_response, answers[path]())
        except TocsinError as fault:
            return _say(start_response, ("503 Service Unavailable", {"error": str(fault), "advice": fault.advice}))
        return _say(start_response, ("404 Not Found", {"error": "there are /metrics, /health and /ready"}))

    return answer


@contextmanager
def served(app: WSGIApplication, port: int) -> Iterator[int]:
    """Serve on this port of this machine while the context lasts; yields the port (0: one that is free)."""
    try:
        server = make_server(HOST, port, app, _Server, _Handler)
    except (OSError, OverflowError) as fault:
        raise UsageError(f"the port {port} can't be used", "Name a port from 1024 to 65535 that is free.") from fault
    thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _healthy(version: str, up_s: float) -> _Answer:
    return "200 OK", {"status": "ok", "version": version, "up_s": round(up_s, 1)}


def _ready(measures: Measures) -> _Answer:
    found = conditions(measures.refresh())
    ready = all(one.holds for one in found)
    body = {"ready": ready, "conditions": [asdict(one) for one in found]}
    return "200 OK" if ready else "503 Service Unavailable", body


def _is_local(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOCAL
    except ValueError:
        return False


def _say(start_response: StartResponse, answer: _Answer) -> list[bytes]:
    status, body = answer
    data = json.dumps(body, indent=2).encode() + b"\n"
    start_response(status, [*_JSON, ("Content-Length", str(len(data)))])
    return [data]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - its base has it so
        """Say in a line what went wrong with one client: that it hung up or said nothing is no news."""
        fault = sys.exception()
        if not isinstance(fault, ConnectionError | TimeoutError):
            _log.error("an answer over HTTP failed: %(fault)s", {"fault": type(fault).__name__})


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S
    server_version = "tocsin"
    sys_version = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Who asks is no news."""
