"""Call-IDs in the style of the caller's equipment, made in columns: plans have millions of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.simulate.columns import CallColumns
from spit.simulate.network import I64
from spit.simulate.profiles import PROFILES

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DASH = np.uint8(ord("-"))


def call_ids(calls: CallColumns) -> pa.Array:
    """The Call-ID of every call: string[n]."""
    count = len(calls)
    if count == 0:
        return pa.array([], pa.string())
    digits = _hex_digits(calls.id_high, calls.id_low)
    styles = np.array([profile.call_id_style for profile in PROFILES])[calls.profile]
    made, places = [], []
    for style, write in (("uuid", _uuid), ("hex", _at_host), ("bare", _bare)):
        rows: I64 = np.flatnonzero(styles == style)
        if len(rows):
            made.append(write(digits[rows], calls.id_low[rows]))
            places.append(rows)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_arrays(made).take(pa.array(order))


def _hex_digits(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """uint8[n, 32]: the 128 bits as ASCII."""
    octets = np.stack([high, low], axis=1).astype(">u8").view(np.uint8)
    return _HEX[np.stack([octets >> 4, octets & 15], axis=2).reshape(len(high), 32)]


def _strings(characters: npt.NDArray[np.uint8]) -> pa.Array:
    """A string per row; all of one length."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(
        count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
    )


def _uuid(digits: npt.NDArray[np.uint8], _low: npt.NDArray[np.uint64]) -> pa.Array:
    dash = np.full((len(digits), 1), _DASH)
    ends = (0, 8, 12, 16, 20, 32)
    parts = [digits[:, a:b] for a, b in pairwise(ends)]
    return _strings(np.concatenate([parts[0], *(x for part in parts[1:] for x in (dash, part))], axis=1))


def _at_host(digits: npt.NDArray[np.uint8], low: npt.NDArray[np.uint64]) -> pa.Array:
    octets = pa.array([str(i) for i in range(256)])
    second = octets.take(pa.array((low >> np.uint64(24) & np.uint64(255)).astype(np.int64)))
    third = octets.take(pa.array((low >> np.uint64(16) & np.uint64(255)).astype(np.int64)))
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(_strings(digits[:, :24]), second, "@"),
        pc.binary_join_element_wise(third, "example", "."),
        ".",
    )


def _bare(digits: npt.NDArray[np.uint8], _low: npt.NDArray[np.uint64]) -> pa.Array:
    return _strings(digits[:, :20])
