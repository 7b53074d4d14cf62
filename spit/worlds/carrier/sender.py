"""The calling side: where a call enters, what sends it and who vouches for its number."""

from __future__ import annotations

from dataclasses import dataclass

from spit.worlds.carrier.draws import Rng, Weighted, chance, pick
from spit.worlds.carrier.equipment import Catalogue, Device
from spit.worlds.carrier.network import Network, Provider, Trunk, subscriber_address


@dataclass
class Sender:
    """One origin of calls.

    ``trunk`` is None for a subscriber registered directly. ``owns`` is the chance that the number shown is
    one the provider assigned to this customer. ``pilot`` is the identity asserted for a business group; None
    asserts the number shown.
    """

    trunk: Trunk | None
    provider: Provider
    group: str
    source_ip: str
    device: Device
    transport: str
    owns: float
    withheld: bool = False
    pilot: str | None = None


class Origins:
    """Makes senders for each way of being connected."""

    def __init__(self, catalogue: Catalogue, network: Network) -> None:
        self._catalogue = catalogue
        self._network = network

    def registered(self, rng: Rng, device: str) -> Sender:
        """A subscriber or small site registered with the operator itself."""
        own = self._network.own
        transport = pick(rng, ("udp", "udp", "udp", "tcp", "tls"))
        return Sender(
            None,
            own,
            own.groups[0],
            subscriber_address(rng),
            self._catalogue.draw(rng, device),
            transport,
            1.0,
        )

    def behind(
        self, rng: Rng, trunk: Trunk, device: str, owns: float, provider: Provider | None = None
    ) -> Sender:
        """A customer of a provider behind a trunk."""
        chosen = provider if provider is not None else pick(rng, trunk.providers)
        return Sender(
            trunk,
            chosen,
            pick(rng, chosen.groups),
            pick(rng, trunk.gateways),
            self._catalogue.draw(rng, device),
            trunk.transport,
            owns,
        )

    def business(self, rng: Rng, owns: float, device: str = "pbx") -> Sender:
        """A company with its own PBX: on an enterprise trunk, registered, or at another carrier."""
        if chance(rng, 0.15):
            return self.registered(rng, device)
        return self.behind(
            rng,
            self._network.trunk(rng, "enterprise", "enterprise", "enterprise", "peer", "wholesale"),
            device,
            owns,
        )

    def hosted_dialler(self, rng: Rng, owns: float) -> Sender:
        """A centre on a hosted dialling platform, where honest and dishonest customers are neighbours."""
        return self.behind(
            rng, self._network.trunk(rng, "dialler", "dialler", "wholesale", "enterprise"), "dialler", owns
        )

    def cheap_route(self, rng: Rng, careless: bool) -> Sender:
        """A route bought for its price; ``careless`` prefers, as attestation buyers do, the least diligent
        provider."""
        trunks = [
            self._network.trunk(rng, "wholesale", "wholesale", "dialler", "international")
            for _ in range(4 if careless else 1)
        ]
        offers = [(trunk, provider) for trunk in trunks for provider in trunk.providers]
        by_care = Weighted(offers, [p.careless * p.signs if careless else 1.0 for _, p in offers])
        trunk, provider = by_care.draw(rng)
        return self.behind(rng, trunk, "dialler", 0.0, provider)

    def foreign(self, rng: Rng, device: str = "mobile") -> Sender:
        """A caller on a foreign network."""
        return self.behind(rng, self._network.trunk(rng, "international"), device, 0.0)

    def elsewhere(self, rng: Rng, device: str = "mobile") -> Sender:
        """A subscriber of another domestic carrier."""
        return self.behind(
            rng, self._network.trunk(rng, "peer", "peer", "peer", "peer", "wholesale", "tandem"), device, 1.0
        )

    def of_line(self, rng: Rng, trunk: Trunk | None) -> Sender:
        """The phone behind a line already known to be the operator's own or behind a trunk."""
        if trunk is None:
            return self.registered(rng, pick(rng, ("ata", "desk", "mobile", "mobile", "soft")))
        owns = 0.0 if trunk.role == "international" else 1.0
        return self.behind(rng, trunk, "mobile", owns)
