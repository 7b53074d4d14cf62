"""How far what a request shows, without counting anything, tells the spam of the worlds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from spit.worlds.traffic import WORLDS, generate

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def static_fields(world: str, seed: int) -> tuple[F64, Mask]:
    """What the requests of a seed show, and the truth.

    As for spit.simulate, a name (an address, equipment) is given as its share of the traffic, which carries
    over to another operator, and media that are behaviour by themselves are left out: MESSAGE, and calls to
    extensions.
    """
    calls = generate(world, seed, 2000, 12.0)
    calls = calls[(calls["method"] == "INVITE") & calls["callee"].str.fullmatch(r"\+\d{7,15}")]
    caller, callee = calls["caller"], calls["callee"]
    digits = caller.where(caller.str.startswith("+"), "").str.slice(1)
    columns = [
        *(
            _share(calls[name])
            for name in ("source_ip", "destination_ip", "fingerprint", "user_agent", "transport")
        ),
        *(
            pd.Series(pd.factorize(calls[name], sort=True)[0])
            for name in ("attestation", "verstat", "transport")
        ),
        *(calls[name].notna() for name in ("user_agent", "asserted_identity", "origid", "diverted_by")),
        (calls["asserted_identity"] != caller) & calls["asserted_identity"].notna(),
        (calls["passport_orig"] != caller) & calls["passport_orig"].notna(),
        *(_share(calls["origid"]), _share(digits.str.slice(0, -3)), digits.str.len()),
        *(
            caller == "anonymous",
            caller.str.contains("@"),
            digits.str.slice(-3).replace("", "0").astype(float),
        ),
        digits.str.slice(0, 2) == callee.str.slice(1, 3),
        *(calls["retransmissions"], calls["legs"]),
    ]
    values = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    return values, calls["spam"].to_numpy()


def _share(column: pd.Series[str]) -> pd.Series[float]:
    """How much of the traffic has each row's value."""
    named = column.fillna("")
    return named.map(named.value_counts(normalize=True))


#: The columns of ``static_fields`` that tell of equipment alone.
EQUIPMENT = [2, 3, 8]


def mean_auc(known: list[tuple[F64, Mask]], unseen: list[tuple[F64, Mask]], columns: list[int]) -> float:
    model = HistGradientBoostingClassifier(max_iter=40, min_samples_leaf=100, random_state=0)
    model.fit(np.concatenate([x[:, columns] for x, _ in known]), np.concatenate([y for _, y in known]))
    return float(np.mean([roc_auc_score(y, model.predict_proba(x[:, columns])[:, 1]) for x, y in unseen]))


@pytest.mark.parametrize("world", WORLDS)
def test_fields_alone_do_not_tell_spam(world: str) -> None:
    """The bounds are wider than those of spit.simulate: docs/simulation.md says what gives away how much."""
    known = [static_fields(world, seed) for seed in range(1, 7)]
    unseen = [static_fields(world, seed) for seed in range(7, 13)]
    assert 0.5 < mean_auc(known, unseen, list(range(known[0][0].shape[1]))) < 0.85
    assert 0.4 < mean_auc(known, unseen, EQUIPMENT) < 0.68
