"""``spit replay``: sends the packets of a capture to an interface."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from spit.capture.replay import Sent, load_frames, open_interface, replay
from spit.cli.report import DONE, FAILED, INTERRUPTED, print_error


def run(arguments: argparse.Namespace) -> int:
    """Send ``arguments.capture`` as often as asked for, and print how much and how fast."""
    sent = Sent()
    status = DONE

    def terminate(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    with open_interface(arguments.interface) as packets:
        frames = load_frames(arguments.capture, sent)
        try:
            for _ in range(arguments.loop):
                replay(frames(), packets, sent, speed=arguments.speed)
        except KeyboardInterrupt:
            status = INTERRUPTED
        except OSError as error:
            print_error(f"{arguments.interface}: sending failed: {error.strerror or error}")
            status = FAILED
    rate = sent.packets / sent.seconds if sent.seconds > 0 else 0.0
    sys.stdout.write(
        f"sent {sent.packets} packets, {sent.bytes} bytes in {sent.seconds:.3f} s: {rate:.0f} packets/s\n"
    )
    if sent.too_long:
        print_error(f"{sent.too_long} packets are longer than {arguments.interface} takes and were not sent")
    if sent.not_ip:
        print_error(f"{sent.not_ip} packets are neither Ethernet nor IP and were not sent")
    return status
