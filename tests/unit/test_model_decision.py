"""The parameters of the decision: what a caller's experience costs, and bundles of before."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.model.decision import STAGE_ATTEMPTS, DecisionParameters

PENALTIES = st.lists(st.floats(-20.0, 20.0), min_size=len(STAGE_ATTEMPTS), max_size=len(STAGE_ATTEMPTS)).map(
    tuple
)


@given(PENALTIES, st.lists(st.floats(0.0, 1e6), min_size=1))
def test_one_penalty_is_that_of_many_to_the_bit(
    penalties: tuple[float, ...], experience: list[float]
) -> None:
    parameters = DecisionParameters(experience_penalties=penalties)
    many = parameters.penalties(np.array(experience))
    assert [parameters.penalty(one) for one in experience] == many.tolist()


def test_penalties_hold_at_their_stages() -> None:
    parameters = DecisionParameters(experience_penalties=(0.0, 0.5, 2.0, 3.0, 1.0, -1.0))
    assert [parameters.penalty(attempts) for attempts in STAGE_ATTEMPTS] == [0.0, 0.5, 2.0, 3.0, 1.0, -1.0]
    assert parameters.penalty(10.0) == 2.5
    assert parameters.penalty(9_000.0) == -1.0


def test_a_document_is_read_back() -> None:
    parameters = DecisionParameters(own_share=0.4, experience_penalties=(0.0, 0.5, 2.0, 3.0, 1.0, -1.0))
    document = asdict(parameters)
    document["experience_penalties"] = list(document["experience_penalties"])  # as JSON has it
    assert DecisionParameters.from_document(document) == parameters


def test_the_one_penalty_of_older_bundles_means_the_same() -> None:
    parameters = DecisionParameters.from_document({"experience_penalty": 2.0, "experience_attempts": 5.0})
    experience = np.linspace(0.0, 400.0, 801)
    np.testing.assert_allclose(parameters.penalties(experience), 2.0 * np.minimum(1.0, experience / 5.0))


@pytest.mark.parametrize(
    "document",
    [
        {"experience_penalties": [0.0, 1.0]},
        {"experience_penalties": "000000"},
        {"experience_penalties": [0.0, 0.0, 0.0, 0.0, 0.0, 21.0]},
        {"experience_penalties": [0.0, 0.0, 0.0, 0.0, 0.0, True]},
        {"experience_penalties": [0.0] * 6, "experience_penalty": 1.0},
        {"experience_penalty": "much"},
        {"experience_penalty": 1.0, "experience_attempts": 0.0},
    ],
)
def test_mistakes_in_penalties_are_told(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        DecisionParameters.from_document(document)
