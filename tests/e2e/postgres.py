"""A PostgreSQL cluster of its own for a test: in a temporary folder, on loopback, ended with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

DEADLINE_S = 120
_SUPERUSER = "tester"
_PASSWORD = "a s3cret/word"  # noqa: S105  of a cluster that lives as long as its test


class Cluster:
    """A running cluster. ``new_database`` gives the URL of an empty database."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._numbers = count(1)

    def new_database(self) -> str:
        """A URL with user and password."""
        name = f"control{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def stop(self) -> None:
        """End it at once; ``start`` brings it back."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off"
        self._control("start", "-o", options, "-l", str(self._folder / "log"))

    def _url(self, name: str) -> str:
        return f"postgresql://{_SUPERUSER}:a%20s3cret%2Fword@127.0.0.1:{self.port}/{name}"

    def _control(self, *arguments: str) -> None:
        run(self._folder, "pg_ctl", "-D", str(self._folder / "data"), "-w", *arguments)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Made by initdb, as an unprivileged user where the test is root: PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="spit-postgres-"))
    try:
        folder.chmod(0o755)
        password = folder / "password"
        password.write_text(_PASSWORD)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (folder, password):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        run(
            folder,
            *("initdb", "-D", str(folder / "data"), "-U", _SUPERUSER, "--pwfile", str(password)),
            *("-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C"),
        )
        made = Cluster(folder, free_port())
        made.start()
        try:
            yield made
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                made.stop()
    finally:
        shutil.rmtree(folder)


def run(folder: Path, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's, also where a distribution keeps them out of the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    path = os.pathsep.join([*map(str, reversed(places)), os.environ["PATH"]])
    found = shutil.which(program, path=path)
    assert found is not None, f"{program} is missing: tools/setup.sh --e2e installs PostgreSQL"
    is_root = os.geteuid() == 0
    with (folder / "said").open("wb") as said:  # a pipe would stay open in the server that pg_ctl starts
        done = subprocess.run(
            [found, *arguments],
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
            timeout=DEADLINE_S,
            check=False,
            user="nobody" if is_root else None,
            group="nogroup" if is_root else None,
        )
    assert done.returncode == 0, (folder / "said").read_text()


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
