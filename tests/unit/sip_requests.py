"""SIP requests as an SBC sends them, and responses in parts."""

from __future__ import annotations

from dataclasses import dataclass

VIA = "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK776asdhds"


def request(
    method: str = "INVITE",
    uri: str = "sip:+4930123456@127.0.0.1:5080",
    *,
    via: str = VIA,
    caller: str = "+12025550199",
    call_id: str = "a84b4c76e66710",
    cseq: str = "",
    to_tag: str = "",
    version: str = "SIP/2.0",
    headers: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> bytes:
    """A request with an empty body. ``without``: names of headers left out."""
    lines = [
        f"Via: {via}",
        "Max-Forwards: 70",
        f"From: <sip:{caller}@192.0.2.9>;tag=1928301774",
        f"To: <{uri}>{f';tag={to_tag}' if to_tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq or f'314159 {method}'}",
        "Contact: <sip:sbc@192.0.2.9:5070>",
        "Content-Length: 0",
    ]
    own = {header.partition(":")[0] for header in headers}
    kept = [line for line in lines if line.partition(":")[0] not in own | set(without)]
    return "\r\n".join([f"{method} {uri} {version}", *headers, *kept, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Response:
    """``headers``: name and value in order."""

    code: int
    reason: str
    headers: list[tuple[str, str]]

    @classmethod
    def read(cls, data: bytes) -> Response:
        head, empty, body = data.decode("latin-1").partition("\r\n\r\n")
        assert empty
        assert body == ""
        status, *lines = head.split("\r\n")
        version, code, reason = status.split(" ", 2)
        assert version == "SIP/2.0"
        pairs = [line.partition(": ") for line in lines]
        return cls(int(code), reason, [(name, value) for name, _, value in pairs])

    def __getitem__(self, name: str) -> str:
        values = self.every(name)
        assert len(values) == 1, (name, values)
        return values[0]

    def every(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]
