"""Kamailio, SIPp, redis-server and ``spit serve`` on loopback, with their files in a folder of the test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = Path(__file__).parent / "sipp"
DEADLINE_S = 60


def needs(*programs: str) -> None:
    """Fails, in one line, when a program is missing: a test that can't run has not passed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.fail(f"missing: {', '.join(missing)}; tools/setup.sh --e2e installs them", pytrace=False)


def wait_until(condition: Callable[[], object], what: str = "what was waited for") -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} did not happen"
        pause.wait(0.02)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port of loopback that nobody has."""
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose output goes to ``log``; it and its children have ended afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(DEADLINE_S)


def bound(port: int, table: str = "udp") -> bool:
    """Whether somebody listens there, by the kernel's own list."""
    lines = Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


@contextmanager
def scorer(
    folder: Path, settings: str, *flags: str, port: int = 0
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """``spit serve`` with these settings; its HTTP port and its process."""
    config, log = folder / "spit.toml", folder / "spit.log"
    config.write_text(settings, "utf-8")
    command = [sys.executable, "-m", "spit", "serve", "--config", str(config), "--port", str(port), *flags]
    with running(command, log) as process:
        wait_until(
            lambda: "startup complete" in log.read_text("utf-8") or process.poll() is not None,
            "start of spit serve",
        )
        found = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", log.read_text("utf-8"))
        assert found is not None, log.read_text("utf-8")
        yield int(found[1]), process


@contextmanager
def kamailio(folder: Path, config: str, **defines: object) -> Iterator[tuple[int, Path]]:
    """Kamailio with an example of integrations/kamailio; its SIP port and what it says.

    ``defines`` go before those of the example; a string with blanks or signs is quoted already.
    """
    port, log = free_port(), folder / "kamailio.log"
    defines = {"LISTEN": f"udp:127.0.0.1:{port}", "WORKERS": 4, **defines}
    command = ["kamailio", "-f", str(ROOT / "integrations" / "kamailio" / config), "-DD", "-E"]
    command += ["-P", str(folder / "kamailio.pid"), "-Y", str(folder), "-m", "32"]
    for name, value in defines.items():
        command += ["-A", f"{name}={value}"]
    with running(command, log) as process:
        wait_until(lambda: answers_options(port) or process.poll() is not None, "start of Kamailio")
        assert process.poll() is None, log.read_text("utf-8", "replace")
        yield port, log


def answers_options(port: int) -> bool:
    """Whether a SIP server answers OPTIONS there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        here, number = f"127.0.0.1:{client.getsockname()[1]}", time.monotonic_ns()
        try:
            client.send(
                f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{number}\r\n"
                f"From: <sip:test@{here}>;tag=a\r\nTo: <sip:test@127.0.0.1>\r\nCall-ID: {number}\r\n"
                f"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
            )
            return client.recv(65536).startswith(b"SIP/2.0 200")
        except OSError:
            return False


@contextmanager
def redis(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """An empty redis-server that keeps nothing; its port and its process."""
    port = free_port(socket.SOCK_STREAM)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, folder / "redis.log") as process:
        wait_until(lambda: redis_says(port, "PING") == "PONG", "start of redis-server")
        yield port, process


def redis_says(port: int, *words: str) -> str:
    """What redis-cli prints."""
    command = ["redis-cli", "-h", "127.0.0.1", "-p", str(port), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return done.stdout.strip()


@dataclass(frozen=True)
class Message:
    """A SIP message that SIPp sent or received."""

    sent: bool
    start: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def read_messages(path: Path) -> list[Message]:
    """The messages of SIPp's ``-trace_msg``."""
    found = []
    for entry in re.split(r"^-{20,} [^\n]*\n", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = entry.partition("\n\n")
        head = text.replace("\r\n", "\n").partition("\n\n")[0].splitlines()
        if head:
            headers = tuple((line.partition(":")[0], line.partition(":")[2].strip(" ")) for line in head[1:])
            found.append(Message("sent" in title, head[0], headers))
    return found


class Callee:
    """SIPp as the next hop, which answers every call."""

    def __init__(self, port: int, messages: Path) -> None:
        self.port = port
        self.hop = f'"sip:127.0.0.1:{port}"'
        self._messages = messages

    def invites(self) -> dict[str | None, Message]:
        """The calls that reached it, by Call-ID."""
        if not self._messages.exists():
            return {}
        messages = read_messages(self._messages)
        return {m.header("Call-ID"): m for m in messages if not m.sent and m.start.startswith("INVITE ")}


@contextmanager
def callee(folder: Path) -> Iterator[Callee]:
    port, messages = free_port(), folder / "callee.messages"
    command = ["sipp", "-sf", str(SCENARIOS / "kamailio_callee.xml"), "-i", "127.0.0.1", "-p", str(port)]
    command += ["-nostdin", "-trace_msg", "-message_file", str(messages), "-message_overwrite", "false"]
    with running(command, folder / "callee.log"):
        wait_until(lambda: bound(port), "start of the callee")
        yield Callee(port, messages)


@dataclass(frozen=True)
class Call:
    """A call that was placed, and its final answer."""

    caller: str
    call_id: str | None
    answer: Message

    @property
    def status(self) -> int:
        return int(self.answer.start.split(" ")[1])


def place_calls(
    folder: Path, proxy: int, calls: Sequence[tuple[str, str]], *, at_once: int = 1, per_second: int = 50
) -> list[Call]:
    """SIPp places each (caller, callee) call, in this order; all have got a final answer and have ended."""
    number = len(list(folder.glob("calls-*.csv")))
    fields, messages = folder / f"calls-{number}.csv", folder / f"caller-{number}.messages"
    fields.write_text("SEQUENTIAL\n" + "".join(f"{caller};{called}\n" for caller, called in calls), "ascii")
    errors = messages.with_suffix(".errors")
    command = ["sipp", f"127.0.0.1:{proxy}", "-sf", str(SCENARIOS / "kamailio_caller.xml")]
    command += ["-inf", str(fields)]
    command += ["-i", "127.0.0.1", "-p", str(free_port()), "-nostdin", "-m", str(len(calls))]
    command += ["-l", str(at_once), "-r", str(per_second), "-timeout", f"{DEADLINE_S}s", "-timeout_error"]
    command += ["-trace_msg", "-message_file", str(messages), "-trace_err", "-error_file", str(errors)]
    with (folder / f"caller-{number}.log").open("wb") as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            timeout=2 * DEADLINE_S,
            check=False,
        )
    assert done.returncode == 0, errors.read_text("utf-8") if errors.exists() else done
    finals: dict[str | None, Call] = {}
    for message in read_messages(messages):
        final = re.match(r"SIP/2\.0 [2-6]", message.start)
        if not message.sent and final and (message.header("CSeq") or "").endswith(" INVITE"):
            user = re.search(r"sip:([^@]*)@", message.header("From") or "")
            assert user is not None
            finals[message.header("Call-ID")] = Call(user[1], message.header("Call-ID"), message)
    assert len(finals) == len(calls)
    return list(finals.values())
