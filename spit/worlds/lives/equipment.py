"""Telephones, exchanges and programs that send SIP, and what their requests look like.

Agent strings are those found in public SIP traces and vendors' manuals. A fingerprint stands for
(equipment, header order, SDP shape): it is a hash over the model, its build and a salt of the
operator, so the same build looks alike for every caller that uses it, honest or not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from spit.worlds.lives.draws import Rng, between, chance, early_heavy, uniform, weighted


@dataclass(frozen=True, slots=True)
class Equipment:
    """What one sender puts on the wire."""

    agent: str | None
    fingerprint: str
    transport: str


# (agent string, weight, transport) by class of equipment.
MODELS: dict[str, tuple[tuple[str, float, str], ...]] = {
    "handset": (
        ("iOS/18.3 iPhone", 5.0, "tcp"),
        ("SM-S921B-IMS 6.0", 4.0, "tcp"),
        ("SM-A155F-IMS 6.0", 5.0, "tcp"),
        ("Xiaomi_2312DRA50G_Android14", 3.0, "tcp"),
        ("TECNO KJ5 IMS", 2.0, "tcp"),
        ("MTK-IMS/2.0", 2.0, "udp"),
        ("Pixel 8 IMS", 1.0, "tcp"),
    ),
    "home": (
        ("FRITZ!OS", 4.0, "udp"),
        ("Grandstream HT802 1.0.51", 3.0, "udp"),
        ("Technicolor TG789", 2.0, "udp"),
        ("HUAWEI-EchoLife HG8245H5", 3.0, "udp"),
        ("ZTE-F670L", 2.0, "udp"),
        ("Gigaset N510 IP PRO", 1.0, "udp"),
    ),
    "softphone": (
        ("Zoiper v2.10.20", 4.0, "udp"),
        ("Linphone/5.2.5", 3.0, "tls"),
        ("MicroSIP/3.21.5", 4.0, "udp"),
        ("Bria 6 release 6.5", 2.0, "tls"),
        ("PortSIP UC Client", 1.0, "tcp"),
    ),
    "desk": (
        ("Yealink SIP-T46U 108.86.0.90", 5.0, "udp"),
        ("snomD785/10.1.184", 2.0, "tls"),
        ("Grandstream GXP2170 1.0.11", 3.0, "udp"),
        ("Cisco-CP8841/12.8", 2.0, "tcp"),
        ("PolyVVX-VVX_450-UA/6.4", 2.0, "udp"),
        ("Fanvil X4U 2.12", 2.0, "udp"),
    ),
    "exchange": (
        ("Asterisk PBX 18.20.0", 5.0, "udp"),
        ("FPBX-16.0.40(18.18.0)", 4.0, "udp"),
        ("3CX 20.0", 4.0, "tls"),
        ("FreeSWITCH-mod_sofia/1.10.11", 4.0, "udp"),
        ("innovaphone IP811", 1.0, "tls"),
        ("Mitel-MiVoice-Office-400", 1.0, "udp"),
        ("Avaya CM/R018x", 1.0, "tls"),
        ("Issabel 5 / Asterisk", 2.0, "udp"),
    ),
    "diallers": (
        ("Asterisk PBX 16.30.1-vici", 5.0, "udp"),
        ("FreeSWITCH-mod_sofia/1.10.11", 4.0, "udp"),
        ("Asterisk PBX 18.20.0", 4.0, "udp"),
        ("Genesys Cloud", 2.0, "tls"),
        ("Five9 BCA", 1.0, "udp"),
        ("Twilio Gateway", 2.0, "tls"),
        ("Telnyx SIP Proxy", 1.0, "udp"),
    ),
    "gsm_gateway": (
        ("dble GoIP32", 4.0, "udp"),
        ("Dinstar UC2000", 3.0, "udp"),
        ("Synway SMG4032", 1.0, "udp"),
        ("Yeastar TG800", 2.0, "udp"),
    ),
    "machine": (
        ("2N IP Verso 2.41", 2.0, "udp"),
        ("Akuvox R29", 1.0, "udp"),
        ("Patton SN4141", 2.0, "udp"),
        ("Grandstream HT801 1.0.49", 3.0, "udp"),
        ("sipp-probe/3.7", 1.0, "udp"),
    ),
    "scanner": (
        ("friendly-scanner", 3.0, "udp"),
        ("VaxSIPUserAgent/3.1", 2.0, "udp"),
        ("pplsip", 2.0, "udp"),
        ("sipcli/v1.8", 2.0, "udp"),
    ),
    "platform": (
        ("Kannel-SIP-GW", 2.0, "tcp"),
        ("Infobip-VoiceGW", 2.0, "tls"),
        ("Kamailio (5.7.4)", 3.0, "udp"),
        ("OpenSIPS (3.4.2)", 3.0, "udp"),
        ("Sangoma SBC 3.0", 1.0, "udp"),
    ),
    "border": (
        ("Oracle SBC/9.1", 3.0, "udp"),
        ("Ribbon SBC Core", 3.0, "udp"),
        ("AudiocodesSBC/7.40", 2.0, "udp"),
        ("Huawei SE2900", 3.0, "udp"),
        ("Sippy Softswitch v2022", 3.0, "udp"),
    ),
}


@dataclass(slots=True)
class Catalogue:
    """Draws equipment for senders of one operator's world."""

    salt: str
    builds: dict[str, int] = field(default_factory=dict)

    def draw(self, rng: Rng, kind: str) -> Equipment:
        """One sender's equipment: popular models and builds come up often."""
        agent, transport = weighted(rng, [((a, t), w) for a, w, t in MODELS[kind]])
        if agent not in self.builds:
            self.builds[agent] = between(rng, 1, 4)
        build = early_heavy(rng, self.builds[agent], 2.5)
        # The build changes the string only for some vendors; the rest print no more than a name.
        shown = f"{agent}.{build}" if len(agent) % 3 == 0 else agent
        digest = hashlib.blake2b(f"{self.salt}|{agent}|{build}".encode(), digest_size=8).hexdigest()
        silent = chance(rng, 0.08)
        return Equipment(None if silent else shown, digest, transport)


def draw_catalogue(rng: Rng) -> Catalogue:
    """A catalogue whose fingerprints carry the header habits of one operator's border."""
    return Catalogue(f"{uniform(rng, 0.0, 1.0):.12f}")
