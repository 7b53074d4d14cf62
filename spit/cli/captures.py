"""The captures of a command, read by the decoder that its flags name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from spit.capture.files import CaptureFiles, Captures
from spit.cli.parser import UsageError


def open_captures(arguments: argparse.Namespace, settings: Mapping[str, object]) -> Captures:
    """``arguments.captures`` by ``arguments.decoder``.

    Raises UsageError where flags contradict, SpitError where the decoder can't be had.
    """
    if arguments.decoder == "tshark":
        from spit.capture.tshark_files import TsharkFiles

        return TsharkFiles(
            arguments.captures, settings, tls_keys=arguments.tls_keys, command=arguments.command
        )
    if arguments.tls_keys is not None:
        raise UsageError("--tls-keys needs --decoder tshark: the native decoder does not decrypt")
    return CaptureFiles(arguments.captures, settings)
