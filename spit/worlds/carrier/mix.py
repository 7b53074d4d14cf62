"""Which kinds exist, how much of each an operator sees, and which campaigns run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from spit.worlds.carrier import borrowing_campaigns as borrowing
from spit.worlds.carrier import business_kinds as business
from spit.worlds.carrier import crowd_kinds as crowd
from spit.worlds.carrier import machine_kinds as machine
from spit.worlds.carrier import notice_kinds as notice
from spit.worlds.carrier import people_kinds as people
from spit.worlds.carrier import probing_campaigns as probing
from spit.worlds.carrier import selling_campaigns as selling
from spit.worlds.carrier.attempts import Attempt, Label
from spit.worlds.carrier.campaign import STRENGTHS, Campaign
from spit.worlds.carrier.clock import RHYTHMS
from spit.worlds.carrier.draws import Rng, chance, lognormal, pick, sample, uniform
from spit.worlds.carrier.society import Society


class Share(NamedTuple):
    """A legitimate kind: planner, median weight among legitimate calls, chance that an operator has it at
    all."""

    plan: Callable[[Society, int], Iterator[Attempt]]
    weight: float
    present: float


# Relatives abroad come first: planning them makes the ties along which residents then call.
LEGITIMATE: dict[str, Share] = {
    "foreign_family": Share(people.foreign_family, 2.0, 0.95),
    "resident": Share(people.residents, 85.0, 1.0),
    "missed_call_signal": Share(people.missed_call_signallers, 0.8, 0.9),
    "errand_burst": Share(people.errand_bursts, 1.2, 1.0),
    "new_subscriber": Share(people.new_subscribers, 1.0, 1.0),
    "traveller": Share(people.travellers, 1.2, 1.0),
    "withheld_professional": Share(people.withheld_professionals, 0.9, 0.9),
    "internet_user": Share(people.internet_users, 0.5, 0.8),
    "voicemail_check": Share(people.voicemail_checks, 1.5, 0.8),
    "spoof_victim": Share(people.spoof_victims, 0.25, 1.0),
    "office": Share(business.offices, 12.0, 1.0),
    "service_centre": Share(business.service_centres, 4.0, 1.0),
    "consented_sales": Share(business.consented_sales, 2.5, 0.9),
    "local_presence_firm": Share(business.local_presence_firms, 2.0, 0.85),
    "debt_collector": Share(business.debt_collectors, 2.2, 0.9),
    "pollster": Share(business.pollsters, 1.3, 0.7),
    "charity": Share(business.charities, 1.2, 0.85),
    "politics": Share(business.politicians, 1.5, 0.6),
    "recruiter": Share(business.recruiters, 1.0, 0.9),
    "trade_supplier": Share(business.trade_suppliers, 1.2, 0.9),
    "ai_receptionist": Share(business.ai_receptionists, 1.0, 0.7),
    "medical_reminder": Share(notice.medical_reminders, 2.2, 1.0),
    "notice": Share(notice.notices, 2.2, 1.0),
    "one_time_code": Share(notice.one_time_codes, 2.0, 0.9),
    "flash_verification": Share(notice.flash_verifications, 0.9, 0.6),
    "text_sender": Share(notice.text_senders, 2.5, 0.85),
    "school_notice": Share(notice.school_notices, 1.6, 0.8),
    "emergency_alert": Share(notice.emergency_alerts, 0.9, 0.5),
    "courier": Share(notice.couriers, 1.8, 1.0),
    "ride_platform": Share(notice.ride_platforms, 2.0, 0.9),
    "inmate_service": Share(notice.inmate_services, 0.8, 0.5),
    "alarm_panel": Share(machine.alarm_panels, 1.0, 0.9),
    "meter": Share(machine.meters, 0.8, 0.8),
    "line_probe": Share(machine.line_probes, 0.6, 0.8),
    "doorbell": Share(machine.doorbells, 0.6, 0.8),
    "fax_machine": Share(machine.fax_machines, 1.2, 0.9),
    "misconfigured": Share(machine.misconfigured, 0.8, 1.0),
    "radio_contest": Share(crowd.radio_contests, 1.0, 0.6),
    "ticket_sale": Share(crowd.ticket_sales, 1.2, 0.6),
    "conference_bridge": Share(crowd.conference_bridges, 0.8, 0.9),
    "phone_tree": Share(crowd.phone_trees, 0.7, 0.8),
}

# Weight: typical size of a campaign of this kind relative to others. A slow campaign has few calls by its
# nature.
CAMPAIGNS: dict[str, tuple[Callable[[Campaign], Iterator[Attempt]], float]] = {
    "telemarketer": (selling.telemarketer, 1.2),
    "robocaller": (selling.robocaller, 1.5),
    "neighbour_spoofer": (selling.neighbour_spoofer, 1.2),
    "burner_phones": (selling.burner_phones, 0.8),
    "snowshoe": (selling.snowshoe, 1.0),
    "low_and_slow": (selling.low_and_slow, 0.5),
    "scam_centre": (selling.scam_centre, 0.9),
    "ai_agents": (selling.ai_agents, 1.0),
    "voicemail_dropper": (selling.voicemail_dropper, 0.7),
    "compromised_subscriber": (selling.compromised_subscriber, 0.5),
    "victim_spoofer": (borrowing.victim_spoofer, 0.9),
    "attestation_shopper": (borrowing.attestation_shopper, 1.0),
    "impostor": (borrowing.impostor, 0.9),
    "code_fraud": (borrowing.code_fraud, 0.6),
    "message_spammer": (borrowing.message_spammer, 0.8),
    "wangiri": (borrowing.wangiri, 0.9),
    "sequential_dialler": (probing.sequential_dialler, 0.8),
    "random_dialler": (probing.random_dialler, 0.8),
    "harvester": (probing.harvester, 0.8),
    "scanner": (probing.scanner, 0.6),
    "denial_of_service": (probing.denial_of_service, 0.7),
    "dispersed_probe": (probing.dispersed_probe, 0.4),
}

# Hours a campaign runs, by strength: the conspicuous are shut down or move on early.
_HOURS = {"blatant": (0.5, 8.0), "medium": (2.0, 16.0), "stealthy": (6.0, 30.0)}
# Relative size by strength: stealth costs volume.
_VOLUME = {"blatant": 1.3, "medium": 1.0, "stealthy": 0.7}


def plan_legitimate(society: Society, calls: int) -> Iterator[Attempt]:
    """Plans of all legitimate kinds an operator has, about ``calls`` in all before redials and returned
    calls."""
    rng = society.rng
    weights: dict[str, float] = {}
    for name, share in LEGITIMATE.items():
        weight = share.weight * lognormal(rng, 1.0, 0.25 if name == "resident" else 0.5)
        if chance(rng, share.present):
            weights[name] = weight
    total = sum(weights.values())
    for name, weight in weights.items():
        count = round(calls * weight / total)
        if count > 0:
            yield from LEGITIMATE[name].plan(society, count)


def _cast(rng: Rng) -> list[tuple[str, str]]:
    """Campaigns of an operator: at least four of each strength, of different kinds within a strength."""
    cast: list[tuple[str, str]] = []
    for strength in STRENGTHS:
        cast += [(kind, strength) for kind in sample(rng, list(CAMPAIGNS), int(rng.integers(4, 13)))]
    return cast


def plan_campaigns(society: Society, calls: int) -> Iterator[Attempt]:
    """Plans of the campaigns that run, about ``calls`` in all."""
    rng = society.rng
    cast = _cast(rng)
    weights = [CAMPAIGNS[kind][1] * _VOLUME[strength] * lognormal(rng, 1.0, 0.7) for kind, strength in cast]
    total = sum(weights)
    for place, ((kind, strength), weight) in enumerate(zip(cast, weights, strict=True)):
        low_h, high_h = _HOURS[strength]
        rhythm = RHYTHMS["flat" if strength == "blatant" else "dialling_day"]
        window = society.clock.window(rng, rhythm, 3600.0 * uniform(rng, low_h, high_h))
        label = Label(kind, strength, f"{kind}-{strength}-{place:02d}")
        yield from CAMPAIGNS[kind][0](
            Campaign(society, label, max(10, round(calls * weight / total)), window)
        )


def spam_share(rng: Rng) -> float:
    """Share of spam among all calls."""
    return pick(rng, (0.17, 0.185, 0.2, 0.22, 0.24)) + uniform(rng, -0.01, 0.01)
