"""The command line: one module per command, loaded only when that command runs (docs/cli.md)."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from typing import Any

from spit.cli.parser import UsageError, build_parser
from spit.cli.report import DONE, FAILED, INTERRUPTED, USAGE, print_error
from spit.errors import SpitError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 could not be read, 2 usage, 130 interrupted."""
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as exit_:  # argparse has already printed the help or the usage error
        return exit_.code if isinstance(exit_.code, int) else USAGE
    # numpy's BLAS starts a thread per core that spins for a while; no command multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Training's threads wait asleep: on a busy machine, spinning took three times the processor time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        command = _import_command(arguments.command, stays=argv is None)
        status: int = command.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `spit calls FILE | head`: the reader has what it wanted. Python would complain once more when it
        # flushes at exit, so standard output goes nowhere from here on.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except UsageError as error:
        print_error(f"{error} (spit {arguments.command} --help tells more)")
        return USAGE
    except SpitError as error:
        print_error(str(error))
        return FAILED
    except OSError as error:  # what an operator can cause: no such file, no space left, permission denied
        print_error(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")
        return FAILED
    return status


def _import_command(name: str, *, stays: bool) -> Any:
    """The module of a command. ``stays``: as long as the process lives, so garbage is never looked for in it.

    To look through all modules again and again took an eighth of the time to start.
    """
    gc.disable()
    try:
        command = importlib.import_module(f"spit.cli.{name.replace('-', '_')}")
    finally:
        gc.enable()
    if stays:
        gc.freeze()
    return command
