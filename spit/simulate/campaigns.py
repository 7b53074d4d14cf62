"""Spam campaigns: which there are, how many calls each takes, and what all of them share.

``strength`` 0 is stealthy, 1 is blatant. Each kind says in its own words what it sweeps; docs/simulation.md
has the sources. In a world with ``campaign_spread`` every parameter varies beyond its sweep, stealthy
campaigns keep the hours of people and mix conversations into their calls, and numbers, trunks and equipment
are shared with legitimate callers in proportions drawn per campaign.
"""

from __future__ import annotations

from spit.simulate import campaigns_account, campaigns_dialling, campaigns_rotating, campaigns_targeted
from spit.simulate.campaign import Campaign
from spit.simulate.population import place_return_calls
from spit.simulate.scene import Scene
from spit.simulate.spec import CampaignKind

SPAM_RATIO_RANGE = (0.20, 0.31)
#: Share of missed calls that are returned, of kinds that leave any. Wangiri: docs/simulation.md; others are
#: ours.
CALL_BACK_RATIO = {
    CampaignKind.TELEMARKETER: 0.02,
    CampaignKind.ROBOCALLER: 0.01,
    CampaignKind.WANGIRI: 0.05,
    CampaignKind.SEQUENTIAL: 0.01,
    CampaignKind.NEIGHBOUR_SPOOFING: 0.02,
    CampaignKind.RANDOM_DIALLING: 0.01,
    CampaignKind.SNOWSHOE: 0.01,
    CampaignKind.LOW_AND_SLOW: 0.02,
    CampaignKind.COMPROMISED: 0.02,
    CampaignKind.ATTESTATION_SHOPPING: 0.01,
    CampaignKind.SCAM_CENTRE: 0.03,
    CampaignKind.SILENT_CALLS: 0.05,
}

PLACERS = {
    CampaignKind.TELEMARKETER: campaigns_dialling.telemarketer,
    CampaignKind.ROBOCALLER: campaigns_rotating.robocaller,
    CampaignKind.WANGIRI: campaigns_rotating.wangiri,
    CampaignKind.SEQUENTIAL: campaigns_dialling.sequential,
    CampaignKind.NEIGHBOUR_SPOOFING: campaigns_rotating.neighbour_spoofing,
    CampaignKind.RANDOM_DIALLING: campaigns_dialling.random_dialling,
    CampaignKind.SNOWSHOE: campaigns_rotating.snowshoe,
    CampaignKind.LOW_AND_SLOW: campaigns_rotating.low_and_slow,
    CampaignKind.COMPROMISED: campaigns_account.compromised,
    CampaignKind.TOLL_FRAUD: campaigns_account.toll_fraud,
    CampaignKind.TDOS: campaigns_targeted.tdos,
    CampaignKind.SCANNER: campaigns_targeted.scanner,
    CampaignKind.MESSAGE_SPAM: campaigns_targeted.message_spam,
    CampaignKind.ATTESTATION_SHOPPING: campaigns_rotating.attestation_shopping,
    CampaignKind.SCAM_CENTRE: campaigns_dialling.scam_centre,
    CampaignKind.SILENT_CALLS: campaigns_dialling.silent_calls,
}


def place_campaigns(scene: Scene) -> None:
    """Places every campaign of the spec, after the population: the spam share is of its calls."""
    spec = scene.spec
    if not spec.campaigns:
        return
    rng = scene.rng("spam ratio")
    ratio = spec.spam_ratio if spec.spam_ratio is not None else float(rng.uniform(*SPAM_RATIO_RANGE))
    total = scene.placed_calls() * ratio / (1.0 - ratio)
    total -= sum(campaign.calls for campaign in spec.campaigns if campaign.calls is not None)
    weights = sum(campaign.weight for campaign in spec.campaigns if campaign.calls is None)
    seen: dict[CampaignKind, int] = {}
    for wanted in spec.campaigns:
        seen[wanted.kind] = seen.get(wanted.kind, 0) + 1
        name = f"{wanted.kind.value}-{seen[wanted.kind]}"
        share = wanted.weight / weights if wanted.calls is None and weights else 0.0
        calls = wanted.calls if wanted.calls is not None else max(1, round(total * share))
        placed = PLACERS[wanted.kind](Campaign(scene, name, wanted, calls))
        returned = CALL_BACK_RATIO.get(wanted.kind, 0.0) * scene.world.spam_returned_ratio
        place_return_calls(scene, scene.rng(f"{name} call-backs"), placed, returned)
