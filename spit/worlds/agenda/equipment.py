"""Senders' equipment: a catalogue that honest callers and campaigns both buy from."""

import hashlib
from dataclasses import dataclass

from spit.worlds.agenda.dice import Dice

_HANDSETS = (
    "FRITZ!OS",
    "Yealink SIP-T46U 108.86",
    "snomD785/10.1",
    "Cisco/SPA504G-7.6",
    "Grandstream HT801 1.0",
    "Panasonic KX-HDV",
    "Speedport Smart",
    "Telekom/IMS VoLTE",
    "iOS/IMS VoLTE",
    "Samsung IMS 6.0",
    "Xiaomi IMS-UA",
    "Zoiper rv2.10",
    "Linphone/5.2",
    "MicroSIP/3.21",
    "Bria 6.5",
)
_SERVERS = (
    "Asterisk PBX 18",
    "Asterisk PBX 20",
    "FPBX-16.0 (18.9)",
    "FreeSWITCH-mod_sofia/1.10",
    "3CXPhoneSystem 18",
    "VICIdial/Asterisk 16",
    "Kamailio 5.7",
    "OpenSIPS 3.4",
    "Cisco-CUCM14.0",
    "Avaya CM/R018x",
    "Mitel-5000",
    "Genesys PureCloud",
    "Twilio Gateway",
    "Sonus_UAC",
    "AudioCodes Mediant/7.4",
    "pjsip python",
    "go-sip/1.2",
)


@dataclass(frozen=True, slots=True)
class Equipment:
    """One build of one product: its User-Agent and what its headers and SDP look like as 16 hex digits."""

    user_agent: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products on the operator's market; earlier ones are the more popular."""

    handsets: tuple[Equipment, ...]
    servers: tuple[Equipment, ...]

    def handset(self, dice: Dice) -> Equipment:
        """A subscriber's device, popular ones more often."""
        return self.handsets[int(len(self.handsets) * dice.uniform() ** 2.2)]

    def server(self, dice: Dice) -> Equipment:
        """A telephone system or dialler, popular ones more often."""
        return self.servers[int(len(self.servers) * dice.uniform() ** 3.0)]


def fingerprint_of(text: str) -> str:
    """16 hex digits that stand for a header order and SDP shape."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _builds(dice: Dice, products: tuple[str, ...], most: int) -> tuple[Equipment, ...]:
    """Several builds a product, shuffled: what is popular differs from market to market."""
    builds = []
    for product in products:
        for build in range(dice.count((1, most))):
            # Configuration, not only the version, changes the shape; some shapes agree between two versions.
            shape = fingerprint_of(f"{product}/{build // 2 if dice.chance(0.3) else build}/{dice.index(3)}")
            builds.append(Equipment(f"{product}.{build}" if build else product, shape))
    dice.rng.shuffle(builds)
    return tuple(builds)


def draw_catalogue(dice: Dice) -> Catalogue:
    """What is sold on this operator's market."""
    return Catalogue(_builds(dice, _HANDSETS, 5), _builds(dice, _SERVERS, 6))
