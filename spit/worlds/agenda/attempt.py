"""One call as its caller means it, and what became of it."""

from dataclasses import dataclass

from spit.worlds.agenda.trunks import Identity


@dataclass(frozen=True, slots=True)
class Purpose:
    """Labels of a row: what the call is part of. Empty strength and campaign when legitimate."""

    kind: str
    spam: bool = False
    strength: str = ""
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """What follows an answer. Times in seconds.

    `engage` is the chance that the answerer stays; those who stay talk log-normally about `stay_s`,
    the others hang up after about `brush_s`. `script_s` ends a recording; `message_s` is left on a
    voicemail, 0 for none. `caller_ends` is the chance that the caller hangs up first,
    `abandon` that the caller's dialler has nobody free and drops the answered call at once.
    """

    engage: float
    stay_s: float
    spread: float
    brush_s: float
    message_s: float
    caller_ends: float
    script_s: float | None = None
    abandon: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call to place. `trust` is added to the answerer's log-odds; `friend` when the number is a known one.

    `authorised` is False for a sender without an account here.
    """

    purpose: Purpose
    identity: Identity
    callee: str
    patience_s: float
    talk: Talk
    friend: bool
    trust: float = 0.0
    method: str = "INVITE"
    authorised: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What the caller learns; `human` when somebody answered, `engaged` when they also stayed to talk."""

    outcome: str
    end_s: float
    human: bool = False
    engaged: bool = False
