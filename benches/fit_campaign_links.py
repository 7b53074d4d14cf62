"""Grow the trees that link the callers of a campaign: python benches/fit_campaign_links.py [--seeds A-B].

Every seed is simulated (scenario ``training``) and scored by the shipped model; of its watched callers,
pairs are drawn: at most 250 of a campaign, so that none outweighs the others, and at most 15,000 that are not
of one campaign, among those that the weighted likeness does not leave out. A histogram gradient boosting is
fitted on them (fixed random state) and written to spit/engine/campaign_forest.json. The same seeds and
versions give the same file.

``--check 3041-3060`` fits nothing: how many rotating campaigns of those seeds are named as one, and how many
legitimate callers are in a named group, at several bounds (docs/evaluation.md). Never look at the seeds of
benches/detection.toml here: bounds chosen on them would be measured on what they were chosen by.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from spit.config import PolicyConfig
from spit.engine import campaign_links
from spit.engine.campaign_pairs import FOREST_PATH, Pairs
from spit.engine.campaigns import Background, Member
from spit.engine.engine import Engine
from spit.engine.named_campaigns import ROTATING_NUMBERS, count_false_members, count_named
from spit.engine.training_traffic import LabelledEvents, training_spec
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, resolve_bundle_path
from spit.policy.policy import Policy

MAX_CALLERS = 1_500
MAX_OF_CAMPAIGN, MAX_OTHERS = 250, 15_000
BOUNDS = (-2.0, -1.0, -0.5, 0.0, 1.0, 2.0)  # of campaign_links.LEAST_LOG_ODDS
F32 = npt.NDArray[np.float32]
Truth = dict[str, str]


def watched(seeds: range) -> Iterator[tuple[int, list[Member], Background, Truth, int]]:
    """Of each seed: the watched callers, the worst first, what is usual, campaign by spam caller, and
    how many callers are legitimate."""
    model = load_bundle(resolve_bundle_path(None, {}), schema_hash=FeatureTable.schema_hash)
    for seed in seeds:
        part, engine = LabelledEvents.simulated(training_spec(seed)), Engine(model, Policy(PolicyConfig()))
        for batch in part.batches():
            engine.observe(batch)
        labels = part.labels.to_pandas()
        spam = labels[labels["label"] == "spam"].groupby("caller")["campaign"].first().to_dict()
        members, background = engine.watched_callers()
        members.sort(key=campaign_links.worst_first)
        yield seed, members, background, spam, labels["caller"].nunique() - len(spam)


def pairs_of(seeds: range) -> tuple[F32, npt.NDArray[np.bool_], list[str]]:
    """Columns of the drawn pairs of all seeds, whether they are of one campaign, the names of the columns."""
    rng = np.random.default_rng(0)
    columns, truth, names = [], [], []
    for seed, members, background, spam, _ in watched(seeds):
        core = min(len(members), MAX_CALLERS)
        if core < 2:
            continue
        pairs = Pairs(members, core, background)
        one, other = pairs.looked_at()
        campaigns = sorted(set(spam.values()))
        code = np.array([campaigns.index(spam[m.caller]) if m.caller in spam else -1 for m in members[:core]])
        same = (code[one] == code[other]) & (code[one] >= 0)
        drawn = [np.flatnonzero(same & (code[one] == at)) for at in range(len(campaigns))]
        kept = [rng.choice(rows, min(len(rows), MAX_OF_CAMPAIGN), replace=False) for rows in drawn]
        others = np.flatnonzero(~same)
        kept.append(rng.choice(others, min(len(others), MAX_OTHERS), replace=False))
        rows = np.concatenate(kept)
        columns.append(pairs.columns(np.arange(core), one[rows], other[rows]))
        truth.append(same[rows])
        names = pairs.names()
        print(f"seed {seed}: {len(members)} callers, {len(rows)} pairs of {len(one)}", file=sys.stderr)
    return np.concatenate(columns), np.concatenate(truth), names


def grow(columns: F32, truth: npt.NDArray[np.bool_], names: list[str]) -> dict[str, object]:
    """The trees as campaign_forest.json has them: a node is a weight, or column, threshold and two nodes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    fitted = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.12,
        max_leaf_nodes=24,
        min_samples_leaf=100,
        l2_regularization=5.0,
        random_state=0,
        early_stopping=False,
    ).fit(columns, truth)
    nodes: list[object] = []
    roots = []
    for (tree,) in fitted._predictors:  # scikit-learn has no public way to the trees
        begin = len(nodes)
        roots.append(begin)
        for node in tree.nodes:
            if node["is_leaf"]:
                nodes.append(round(float(node["value"]), 5))
            else:
                threshold = float(f"{node['num_threshold']:.6g}")
                nodes.append(
                    [
                        int(node["feature_idx"]),
                        threshold,
                        begin + int(node["left"]),
                        begin + int(node["right"]),
                    ]
                )
    base = float(np.ravel(fitted._baseline_prediction)[0])
    return {"columns": names, "base": round(base, 5), "roots": roots, "nodes": nodes}


def check(seeds: range) -> None:
    """Prints what the shipped trees name at several bounds."""
    campaigns, legitimate = 0, 0
    named, false = dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0)
    for seed, members, background, spam, others in watched(seeds):
        truth: dict[str, set[str]] = {}
        for caller, campaign in spam.items():
            truth.setdefault(campaign, set()).add(caller)
        truth = {name: callers for name, callers in truth.items() if len(callers) >= ROTATING_NUMBERS}
        campaigns += len(truth)
        legitimate += others
        held = members[: campaign_links.MAX_CORE]  # as many as are compared in pairs
        if not held:
            continue
        log_odds = Pairs(held, len(held), background).log_odds(np.arange(len(held)))
        for bound in BOUNDS:
            found = campaign_links.average_linkage(log_odds, bound)
            groups = [[held[at].caller for at in group] for group in found if len(group) > 1]
            named[bound] += count_named(truth, groups)
            false[bound] += count_false_members(spam, groups)
        print(f"seed {seed}: {len(members)} callers watched, {len(truth)} campaigns", file=sys.stderr)
    for bound in BOUNDS:
        print(
            f"{bound:4.1f}: {named[bound]} of {campaigns} named as one "
            f"({named[bound] / max(1, campaigns):.1%}), {false[bound] / max(1, legitimate):.2%} "
            f"of {legitimate} legitimate callers in a named group"
        )


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Fit, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--seeds", type=_seeds, default=_seeds("3001-3040"), help="to fit on, such as 3001-3040"
    )
    parser.add_argument(
        "--check", type=_seeds, metavar="SEEDS", help="measure the shipped trees on these instead"
    )
    arguments = parser.parse_args()
    if arguments.check is not None:
        check(arguments.check)
        return
    document = grow(*pairs_of(arguments.seeds))
    text = json.dumps(document, separators=(",", ":")).replace('"nodes":', '\n"nodes":')
    FOREST_PATH.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {FOREST_PATH}", file=sys.stderr)


if __name__ == "__main__":
    main()
