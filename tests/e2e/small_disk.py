"""A small disk that only the programs started on it see: full, or read-only, when a test says so."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import ROOT

_HOLD = 'mount -t tmpfs -o "$1" small "$2" && echo ready && exec sleep infinity'
_CHUNK = bytes(1 << 16)


class SmallDisk:
    """Mounted at ``place`` in a mount namespace that a process holds."""

    def __init__(self, holder: int, place: Path) -> None:
        self._holder = holder
        self.place = place

    @property
    def inside(self) -> Path:
        """``place`` as this process can reach it."""
        return Path(f"/proc/{self._holder}/root{self.place}")

    @property
    def enter(self) -> tuple[str, ...]:
        """Words before a command that make it see the disk."""
        nsenter = ["nsenter", "-t", str(self._holder), "-U", "-m", "--preserve-credentials"]
        return (*nsenter, "sh", "-c", 'cd "$0" && exec "$@"', str(ROOT))

    def fill(self) -> Path:
        """A file that takes all the room there is."""
        ballast = self.inside / "ballast"
        size = len(_CHUNK)
        with ballast.open("ab", buffering=0) as file:
            while size:
                try:
                    file.write(_CHUNK[:size])
                except OSError:
                    size //= 2
        return ballast

    def remount(self, options: str) -> None:
        """Such as ``ro`` or ``rw``."""
        subprocess.run([*self.enter, "mount", "-o", f"remount,{options}", str(self.place)], check=True)


@contextmanager
def small_disk(place: Path, options: str = "size=16m") -> Iterator[SmallDisk]:
    """``options``: of tmpfs. Fails where no namespace can be made: these tests have no other way."""
    unshare = shutil.which("unshare")
    assert unshare is not None, "expected unshare (util-linux) to make a small disk with"
    place.mkdir()
    command = [unshare, "-Urm", "sh", "-c", _HOLD, "-", options, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stderr is not None
            ready = holder.stdout.readline()
            assert ready == "ready\n", f"a small disk cannot be made: {holder.stderr.read()}"
            yield SmallDisk(holder.pid, place)
        finally:
            holder.kill()
