"""What sends the calls: product strings and the shape of their SIP messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spit.worlds.carrier.draws import Rng, Weighted, chance

_PRODUCTS: dict[str, tuple[str, ...]] = {
    "desk": (
        "Yealink SIP-T46U 108.86",
        "Yealink SIP-T54W 96.86",
        "PolycomVVX-VVX_450-UA/6.4",
        "Cisco-CP8841/14.2",
        "Grandstream GXP2170 1.0.11",
        "snomD785/10.1",
        "Fanvil X4U 2.12",
    ),
    "ata": (
        "Cisco/SPA112-1.4.1",
        "Grandstream HT801 1.0.43",
        "Grandstream HT814 1.0.47",
        "OBIHAI/OBi202-3.2",
        "ARRIS-TM1602A/9.1",
        "Technicolor TC4400",
    ),
    "soft": ("Linphone/5.2", "Zoiper rv2.10", "Bria 6.6", "MicroSIP/3.21", "Telephone 1.6", "baresip v3.5"),
    "mobile": (
        "iOS/17.5 iPhone VoLTE",
        "SM-S918U IMS/6.0",
        "Pixel 8 IMS/14",
        "SM-A146U IMS/5.0",
        "moto g IMS/13",
    ),
    "pbx": (
        "Asterisk PBX 18.20",
        "Asterisk PBX 20.7",
        "FPBX-16.0.40(18.20)",
        "FreeSWITCH-mod_sofia/1.10.10",
        "3CXPhoneSystem 18",
        "Cisco-CUCM14.0",
        "Avaya CM/R018x",
        "Mitel-5000",
        "Sangoma PBXact",
        "Microsoft.PSTNHub.SIPProxy",
    ),
    "sbc": (
        "Oracle SBC 9.2",
        "Ribbon SBC SWe",
        "Mediant SW/7.40",
        "Sansay VSX",
        "Metaswitch Perimeta",
        "Kamailio 5.7",
        "Cisco-SIPGateway/IOS-17.6",
    ),
    "dialler": (
        "Asterisk PBX 18.20",
        "Asterisk PBX 13.38",
        "FreeSWITCH-mod_sofia/1.10.10",
        "VOS3000 V2.1.8",
        "Twilio Gateway",
        "Genesys SIP Server",
        "Noble Systems",
        "Asterisk PBX 16.30",
    ),
    "device": (
        "2N IP Verso 2.40",
        "Grandstream GDS3710",
        "Honeywell-IPGSM",
        "KONE-ECL/2",
        "Telguard TG-7",
        "Axis-C1410",
    ),
    "tool": (
        "Asterisk PBX 18.20",
        "pplsip",
        "sipcli/v1.8",
        "friendly-scanner",
        "PJSUA v2.14",
        "baresip v3.5",
    ),
}


@dataclass(frozen=True)
class Device:
    """One equipment with one configuration: what a far end sees of it."""

    user_agent: str
    fingerprint: str


class Catalogue:
    """Equipment in use in this world, a few configurations of each, with skewed popularity."""

    def __init__(self, rng: Rng) -> None:
        shapes: dict[str, list[str]] = {}
        self._classes: dict[str, Weighted[Device]] = {}
        for name, products in _PRODUCTS.items():
            devices: list[Device] = []
            weights: list[float] = []
            for product in products:
                if product not in shapes:
                    variants = 1 + int(rng.geometric(0.4))
                    shapes[product] = [f"{int(rng.integers(0, 2**63)):016x}" for _ in range(variants)]
                popularity = float(np.exp(1.2 * rng.standard_normal()))
                for rank, shape in enumerate(shapes[product]):
                    devices.append(Device(product, shape))
                    weights.append(popularity / (1 + rank) ** 1.5)
            self._classes[name] = Weighted(devices, weights)
        self._custom_share = float(rng.uniform(0.01, 0.08))

    def draw(self, rng: Rng, name: str) -> Device:
        """One device of a class; a few installations have a shape of their own."""
        device = self._classes[name].draw(rng)
        if chance(rng, self._custom_share):
            return Device(device.user_agent, f"{int(rng.integers(0, 2**63)):016x}")
        return device
