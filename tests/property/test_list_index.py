"""The index answers as reading every entry would, however it came to its entries."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from spit.lists import ListEntry, ListKind, parse_pattern
from spit.policy.list_index import ListIndex

ORDER = [ListKind.ALLOW, ListKind.CONSENT, ListKind.DNO, ListKind.BLOCK, ListKind.GREY]

digits = st.text("012", min_size=2, max_size=4)
numbers = digits.map(lambda text: "+" + text)
ranges = (
    st.tuples(st.integers(0, 80), st.integers(0, 80))
    .map(sorted)
    .filter(lambda ends: ends[0] < ends[1])
    .map(lambda ends: f"+{ends[0]:03}-+{ends[1]:03}")
)
patterns = st.one_of(numbers, numbers.map(lambda text: text + "*"), ranges)
entries = st.builds(
    ListEntry,
    kind=st.sampled_from(list(ListKind)),
    pattern=patterns,
    tenant=st.sampled_from(["", "a", "b"]),
    callee=st.one_of(st.just(""), patterns),
    expires_at_us=st.one_of(st.none(), st.integers(0, 10)),
)
entry_lists = st.lists(entries, max_size=25).map(
    lambda found: [replace(one, id=at + 1) for at, one in enumerate(found)]
)


def expected(
    found: list[ListEntry], tenant: str, caller: str, callee: str, time_us: int
) -> tuple[object, bool]:
    """By the definition: the kind that decides, and whether the answer is this callee's alone."""
    for_caller = [
        one
        for one in found
        if one.kind is not ListKind.DECOY
        and one.tenant in ("", tenant)
        and (one.expires_at_us is None or one.expires_at_us > time_us)
        and parse_pattern(one.pattern).holds(caller)
    ]
    kinds = {one.kind for one in for_caller if not one.callee or parse_pattern(one.callee).holds(callee)}
    return next((kind for kind in ORDER if kind in kinds), None), any(one.callee for one in for_caller)


@given(entry_lists, st.sampled_from(["", "a", "c"]), numbers, numbers, st.integers(0, 11))
def test_the_entry_that_decides(
    found: list[ListEntry], tenant: str, caller: str, callee: str, time_us: int
) -> None:
    match = ListIndex(found).match(tenant, caller, callee, time_us)
    assert (match.kind, match.by_callee) == expected(found, tenant, caller, callee, time_us)


@given(entry_lists, st.sampled_from(["", "a", "c"]), numbers, st.one_of(st.just(""), numbers))
def test_what_keeps_some_call_from_passing_and_which_tenants_let_one_pass(
    found: list[ListEntry], tenant: str, caller: str, callee: str
) -> None:
    in_force = [
        one
        for one in found
        if (one.expires_at_us is None or one.expires_at_us > 5) and parse_pattern(one.pattern).holds(caller)
    ]
    blocks = any(
        one.kind in (ListKind.BLOCK, ListKind.DNO)
        and (not tenant or one.tenant in ("", tenant))
        and (not one.callee or not callee or parse_pattern(one.callee).holds(callee))
        for one in in_force
    )
    passes = any(one.tenant and one.kind in (ListKind.ALLOW, ListKind.CONSENT) for one in in_force)
    index = ListIndex(found)
    assert (index.blocks(tenant, caller, callee, 5) is not None) == blocks
    assert index.passes_some_tenant(caller, 5) == passes


@given(entry_lists, numbers, st.integers(0, 11))
def test_decoys(found: list[ListEntry], callee: str, time_us: int) -> None:
    decoys = [
        one
        for one in found
        if one.kind is ListKind.DECOY and (one.expires_at_us is None or one.expires_at_us > time_us)
    ]
    is_decoy = any(parse_pattern(one.pattern).holds(callee) for one in decoys)
    assert ListIndex(found).is_decoy(callee, time_us) == is_decoy


@given(entry_lists, entry_lists, st.sets(st.integers(1, 25)), numbers, numbers)
def test_changes_give_what_a_new_index_has_and_leave_the_old_one_alone(
    before: list[ListEntry], changed: list[ListEntry], removed: set[int], caller: str, callee: str
) -> None:
    removed -= {one.id for one in changed}
    old = ListIndex(before)
    new = old.with_changes(changed, removed)
    after = {one.id: one for one in before if one.id not in removed} | {one.id: one for one in changed}
    fresh = ListIndex(after.values())
    assert (len(new), new.counts()) == (len(after), fresh.counts())
    for tenant in ("", "a", "b"):
        for index, kept in ((new, list(after.values())), (old, before)):
            match = index.match(tenant, caller, callee, 5)
            assert (match.kind, match.by_callee) == expected(kept, tenant, caller, callee, 5)
        assert new.decides == fresh.decides
        assert new.has_decoys == fresh.has_decoys
        assert new.is_decoy(callee, 5) == fresh.is_decoy(callee, 5)
        assert new.passes_some_tenant(caller, 5) == fresh.passes_some_tenant(caller, 5)
        assert (new.blocks(tenant, caller, "", 5) is None) == (fresh.blocks(tenant, caller, "", 5) is None)
