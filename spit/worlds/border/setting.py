"""What makes one operator differ from another: the numbers drawn once per seed."""

from dataclasses import dataclass

import numpy as np

from spit.worlds.border.arrays import Rng


@dataclass(frozen=True, slots=True)
class Setting:
    """Parameters of the operator; shares are 0..1, times are seconds unless the name says otherwise."""

    spam_share: float
    seen_share: float  # part of the border's calls that this log holds (other sites log the rest)
    people_share: float  # of legitimate calls
    outbound_share: float  # of calls between people, those that leave the operator
    subscribers_per_call: float  # own subscribers per logged call: large makes callers once-seen
    contacts_mean: float  # contacts across the border per person
    known_pickup: float
    stranger_pickup: float
    mailbox_share: float
    mailbox_ring_s: float
    screening: float  # share of subscribers whose phone refuses some strangers
    unreachable: float
    talk_scale: float  # multiplies the length of conversations between people
    pickup_ring_s: float
    network_ring_s: float  # the network gives up ringing after this
    density: float  # allocated share of number blocks
    mobile_share: float
    signing: float  # how widely carriers sign calls (0: STIR/SHAKEN is not deployed in the country)
    fee_ringing: float  # weight of people who ring once to be called back
    withheld: float
    staleness: float  # multiplies the share of dead numbers on everybody's lists
    misdialling: float  # share of private calls to a number mistyped or out of date
    transient: float  # share of strangers who call in and are seen once only
    forwarded: float  # share of own subscribers reached through an old number elsewhere as well
    people_per_call: float  # multiplies the number of private callers: large makes callers once-seen
    strangers_share: float  # of private calls, those between people without a history
    busy_redial: float
    returning: float  # how readily missed calls are returned


def draw_setting(rng: Rng) -> Setting:
    """Draw an operator.

    The ranges are wide on purpose. Answer ratios between 35 and 75 % and mean holding times between one
    and five minutes are what ITU-T E.411/E.425 style reports of carriers show between mobile, prepaid
    and business routes; TransNexus' monthly SHAKEN statistics (2021 to 2023) put the signed share of
    inter-carrier calls between 15 and 40 % where it is mandatory, and at zero in most other countries.
    """
    signing = 0.0 if rng.random() < 0.3 else float(rng.uniform(0.1, 0.95))
    return Setting(
        spam_share=float(rng.uniform(0.155, 0.245)),
        seen_share=float(rng.uniform(0.55, 1.0)),
        people_share=float(rng.uniform(0.35, 0.68)),
        outbound_share=float(rng.uniform(0.15, 0.55)),
        subscribers_per_call=float(np.exp(rng.uniform(np.log(0.08), np.log(1.2)))),
        contacts_mean=float(rng.uniform(1.5, 9.0)),
        known_pickup=float(rng.uniform(0.5, 0.92)),
        stranger_pickup=float(rng.uniform(0.2, 0.7)),
        mailbox_share=float(rng.beta(1.2, 1.6)),
        mailbox_ring_s=float(rng.uniform(12.0, 32.0)),
        screening=float(rng.beta(1.0, 5.0)),
        unreachable=float(rng.uniform(0.01, 0.13)),
        talk_scale=float(np.exp(rng.uniform(np.log(0.45), np.log(2.0)))),
        pickup_ring_s=float(rng.uniform(5.0, 11.0)),
        network_ring_s=float(rng.choice([30.0, 45.0, 60.0, 90.0, 120.0])),
        density=float(rng.uniform(0.35, 0.92)),
        mobile_share=float(rng.uniform(0.15, 0.9)),
        signing=signing,
        fee_ringing=0.0 if rng.random() < 0.4 else float(rng.uniform(0.2, 3.0)),
        withheld=float(rng.beta(1.0, 17.0)),
        staleness=float(np.exp(rng.uniform(np.log(0.35), np.log(2.2)))),
        misdialling=float(np.exp(rng.uniform(np.log(0.003), np.log(0.1)))),
        transient=float(rng.beta(0.8, 0.8)),
        forwarded=float(rng.uniform(0.01, 0.08)),
        people_per_call=float(np.exp(rng.uniform(np.log(0.3), np.log(5.0)))),
        strangers_share=float(rng.uniform(0.03, 0.6)),
        busy_redial=float(rng.uniform(0.2, 0.7)),
        returning=float(rng.uniform(0.05, 0.45)),
    )
