"""Equipment that sends calls: user agents and signalling fingerprints, shared by honest callers and
others."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from spit.worlds.drawn.draws import Rng, chance, pick

# Products by class, the most common first; a popular product comes in several configurations.
_PRODUCTS: dict[str, tuple[str, ...]] = {
    "mobile": (
        "Samsung IMS 6.0",
        "iOS/18.5 iPhone",
        "Google-IMS/15",
        "Xiaomi__Android15",
        "Motorola-IMS",
        "VoLTE-UA/1.0",
    ),
    "home": (
        "AVM FRITZ!Box 7590",
        "Zyxel VMG8825",
        "Technicolor TG789",
        "Cisco ATA191",
        "Grandstream HT801",
        "Arris TG3482",
    ),
    "desk": (
        "Yealink SIP-T46U",
        "Polycom VVX 450",
        "Grandstream GXP2170",
        "snomD785",
        "Cisco-CP8851",
        "Mitel 6930",
    ),
    "soft": ("Zoiper v5.6", "Linphone/5.2", "MicroSIP/3.21", "Bria 6", "Acrobits/2.4", "Jitsi2.11"),
    "pbx": (
        "Asterisk PBX 18",
        "FPBX-16.0",
        "3CXPhoneSystem 18",
        "Avaya CM/R10",
        "CUCM14",
        "Mitel MiVoice",
        "starface 7",
    ),
    "dialler": (
        "Asterisk PBX 16",
        "FreeSWITCH-mod_sofia/1.10",
        "VICIdial 2.14",
        "Genesys-SIP/8",
        "Five9",
        "Kamailio 5.6",
    ),
    "cloud": (
        "FreeSWITCH-mod_sofia/1.10",
        "Twilio Gateway",
        "Vonage",
        "Plivo",
        "Oracle SBC",
        "Sippy/2024",
        "Telnyx",
    ),
    "gateway": (
        "GoIP-16",
        "Dinstar UC2000",
        "Cisco-SIPGateway/IOS-16",
        "Patton SN4140",
        "Asterisk PBX 13",
        "Yeastar TG",
    ),
    "machine": (
        "2N IP Intercom",
        "Siemens SIP-Alarm",
        "Asterisk PBX 13",
        "Telit GSM",
        "Baresip v3",
        "Axis A8105",
        "pjsua2",
    ),
    "tool": (
        "friendly-scanner",
        "sipsak 0.9.8",
        "SIPp 3.6",
        "pplsip",
        "MicroSIP/3.21",
        "PJSUA v2.12",
        "Asterisk PBX 18",
    ),
    "border": (
        "Oracle SBC",
        "Ribbon SBC",
        "AudioCodes-SBC",
        "Metaswitch Perimeta",
        "Huawei SE2900",
        "Cisco-CUBE",
    ),
}


@dataclass(frozen=True)
class Device:
    """A sender's user agent and the fingerprint of its signalling."""

    user_agent: str
    fingerprint: str


def device(rng: Rng, name: str) -> Device:
    """A device of a class; the first products and configurations are the most common."""
    products = _PRODUCTS[name]
    product = products[min(len(products) - 1, int(rng.exponential(len(products) / 3.0)))]
    # A few installations have hand-made settings that no other shares.
    shape = int(rng.integers(10, 5000)) if chance(rng, 0.04) else min(9, int(rng.exponential(1.2)))
    return Device(product, blake2b(f"{product}|{shape}".encode(), digest_size=8).hexdigest())


def impersonated(rng: Rng, real: Device) -> Device:
    """Software that claims a common handset's name but keeps its own signalling shape."""
    return Device(pick(rng, _PRODUCTS["home"]), real.fingerprint)
