"""The columns of planned calls."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from spit.simulate.network import I64

#: A time that never comes: later than the end of any capture.
NEVER = np.int64(2**62)
#: Media of an INVITE's offer: T.38 fax is an image (RFC 3362).
MEDIA = ("audio", "audio,video", "image")
#: records.EVENT_SCHEMA's exemption; the first stands for none.
EXEMPTIONS = (None, "emergency", "psap_callback", "resource_priority")
ATTESTATIONS = (None, "A", "B", "C")

I16 = npt.NDArray[np.int16]
I8 = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Columns of planned calls, all of one length. Times are epoch µs, NEVER where there is no such message.

    ``status``: final status of the INVITE, 487 where the caller gives up. ``caller``, ``callee``: indices of
    parties. ``group``: index of ``Plan.groups``. ``profile``: index of PROFILES. ``attestation``: 0 unsigned,
    1 A, 2 B, 3 C. ``media``, ``exemption``: indices of MEDIA and EXEMPTIONS. ``diverter``: party who
    forwarded the call, or -1. ``proxied``: the mirror shows the call on a second hop, too.

    A MESSAGE (``is_message``) has no times but ``invite_us``, its request, and ``final_us``, its response.
    A call with a challenge and nothing behind it was left by the caller.
    """

    group: I16
    caller: I64
    callee: I64
    trunk: I8
    sbc: I8
    status: I16
    rtt_us: I64
    invite_us: I64
    retransmissions: I8  # of the first INVITE
    challenge_us: I64  # 407
    retry_us: I64  # the INVITE that answers it
    trying_us: I64  # 100
    ring_us: I64  # first 180 or 183
    fork_us: I64  # 180 of a second branch, with a To-tag of its own
    early_media: Mask  # 183 with SDP instead of 180
    answer_us: I64
    cancel_us: I64
    final_us: I64  # non-2xx final response
    bye_us: I64
    callee_hangs_up: Mask
    id_high: npt.NDArray[np.uint64]  # 128 random bits: Call-ID, tags and branches come from them
    id_low: npt.NDArray[np.uint64]
    is_message: Mask
    profile: I16
    attestation: I8
    media: I8
    diverter: I64
    exemption: I8
    proxied: Mask

    def __len__(self) -> int:
        return len(self.group)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> CallColumns:
        """These rows, in this order."""
        return CallColumns(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[CallColumns]) -> CallColumns:
        """All rows of ``parts``, which must not be empty."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})
