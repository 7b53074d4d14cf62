"""Bytes to call events: reads a capture as record batches and throws them away.

python benches/events.py FILE
"""

from __future__ import annotations

import sys

from spit.capture.files import CaptureFiles


def main() -> int:
    capture = CaptureFiles(sys.argv[1:])
    capture.read_ahead()
    rows = sum(batch.num_rows for batch in capture.events())
    print(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
