"""Nothing but behaviour tells simulated spam from legitimate calls."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from spit.simulate.network import F64
from spit.simulate.plan import NEVER, Mask
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate


def static_fields(seed: int) -> tuple[F64, Mask]:
    """What an attempt shows without counting anything, and the truth: every tenth call."""
    plan = simulate(scenario("training", seed))
    calls, parties = plan.calls, plan.parties
    number = parties.numbers[calls.caller]
    columns = [
        *(
            parties.profile[calls.caller],
            parties.display[calls.caller],
            parties.attestation[calls.caller] > 0,
        ),
        *(calls.trunk, calls.sbc, calls.rtt_us, calls.early_media, calls.challenge_us < NEVER),
        *(calls.retransmissions, number // 10**7, number % 1000, parties.numbers[calls.callee] % 1000),
    ]
    return np.stack([column.astype(np.float64) for column in columns], axis=1)[::10], plan.spam[::10]


def test_a_model_without_behaviour_is_no_better_than_chance() -> None:
    known = [static_fields(seed) for seed in range(1, 9)]
    unseen = [static_fields(seed) for seed in range(9, 15)]
    model = DecisionTreeClassifier(max_depth=8, min_samples_leaf=20, random_state=0)
    model.fit(np.concatenate([x for x, _ in known]), np.concatenate([y for _, y in known]))
    scores = model.predict_proba(np.concatenate([x for x, _ in unseen]))[:, 1]
    # Calls of one campaign share their fields, so that chance itself spreads by some hundredths.
    assert 0.38 < roc_auc_score(np.concatenate([y for _, y in unseen]), scores) < 0.62
