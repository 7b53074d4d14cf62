"""Counters as the Prometheus text format tells them, and a small page that serves them."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from spit.errors import ConfigError

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. ``name`` of a counter ends in ``_total``; ``help`` is a line.

    ``labels``: names and values. Samples of one name follow each other and have the same label names.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def render(samples: Iterable[Sample]) -> str:
    """The text format, version 0.0.4."""
    lines: list[str] = []
    family = ""
    for sample in samples:
        if sample.name != family:
            family = sample.name
            lines += [
                f"# HELP {sample.name} {_escaped(sample.help)}",
                f"# TYPE {sample.name} {sample.kind}",
            ]
        value = int(sample.value) if float(sample.value).is_integer() else sample.value
        labels = ",".join(f'{name}="{_escaped(text, quoted=True)}"' for name, text in sample.labels)
        lines.append(f"{sample.name}{{{labels}}} {value}" if labels else f"{sample.name} {value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text


class MetricsPage:
    """Serves ``/metrics`` on ``host:port`` from a thread; port 0 takes a free one.

    Raises ConfigError, which names the setting ``key``, when it cannot listen there.
    """

    def __init__(
        self, address: str, samples: Callable[[], Iterable[Sample]], *, key: str = "agent.metrics"
    ) -> None:
        host, _, port = address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        server_type = _Ip6Server if ":" in host else _Server
        try:
            self._server = server_type((host, int(port)), _handler(samples))
        except OSError as error:
            raise ConfigError(f"{key}: cannot listen on {address}: {error.strerror or error}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, ``host:port``."""
        host, port = self._server.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


class _Ip6Server(_Server):
    address_family = socket.AF_INET6


def _handler(samples: Callable[[], Iterable[Sample]]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 5  # a client that sends nothing holds a thread no longer than this

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = render(samples()).encode()
            self.send_response(200)
            self.send_header("Content-Type", _CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """A line per scrape is noise."""

    return Handler
