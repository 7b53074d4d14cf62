"""The trade-off table: thresholds by budget and by the kind that pays most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spit.engine.trade_off import trade_offs


def _calls() -> pd.DataFrame:
    """1,000 residential callers at 0.1, one of 20 couriers at 0.8; campaigns with 10 calls at 0.9 and 0.5."""
    rows = [(n, False, "residential", "", 0.1) for n in range(1000)]
    rows += [(1000 + n, False, "courier", "", 0.8 if n == 0 else 0.1) for n in range(20)]
    rows += [(2000, True, "wangiri", "blatant", 0.9)] * 10
    rows += [(2001, True, "wangiri", "stealthy", 0.5)] * 10
    rows += [(2002, True, "wangiri", "stealthy", 0.95)] * 9  # too few calls to count
    caller, spam, kind, strength, score = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "caller": np.array(caller, np.int64),
            "spam": spam,
            "kind": kind,
            "strength": strength,
            "score": score,
            "flagged": [value >= 0.5 for value in score],
        }
    )


def test_one_of_few_costs_the_stealthy_campaigns_until_the_budget_allows_for_it() -> None:
    by_kind, nobody, one = trade_offs(_calls(), budgets=(0.0, 0.001))
    assert (by_kind.budget, by_kind.kinds, by_kind.kinds_above) == (None, 2, [])
    assert by_kind.threshold == nobody.threshold == 0.8
    assert by_kind.established["blatant"].value == 1.0
    assert by_kind.established["stealthy"].value == 0.0
    # One of 1,020 is within 0.1 %, but it is one of 20 couriers: 5 % of a kind.
    assert one.kinds_above == ["courier"]
    assert one.established["stealthy"].value == 1.0
    assert one.legitimate_flagged.value == 1 / 1020
    assert "medium" not in one.established
