"""The circuit breaker, without a clock."""

from __future__ import annotations

from spit.enforce.redirect.circuit import Circuit


def fail(circuit: Circuit, now_s: float) -> bool:
    assert circuit.allows(now_s)
    return circuit.failed(now_s)


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Circuit(failures=3, bypass_s=15)
    assert [fail(circuit, 0), fail(circuit, 1)] == [False, False]
    circuit.allows(2)
    circuit.succeeded()
    assert [fail(circuit, 3), fail(circuit, 4), fail(circuit, 5)] == [False, False, True]
    assert circuit.is_open
    assert not circuit.allows(5)
    assert not circuit.allows(19.9)
    assert circuit.opened == 1


def test_one_question_is_the_trial_and_its_answer_closes() -> None:
    circuit = Circuit(failures=1, bypass_s=15)
    assert fail(circuit, 0)
    assert circuit.allows(15)
    assert not circuit.allows(15)
    assert circuit.succeeded()
    assert circuit.allows(15)
    assert not circuit.succeeded()


def test_a_trial_that_fails_keeps_it_open_for_as_long_again() -> None:
    circuit = Circuit(failures=1, bypass_s=15)
    fail(circuit, 0)
    assert not fail(circuit, 15)
    assert not circuit.allows(29.9)
    assert circuit.allows(30)
    assert circuit.opened == 1


def test_failures_of_questions_from_before_do_not_prolong_it() -> None:
    circuit = Circuit(failures=2, bypass_s=15)
    for _ in range(5):
        assert circuit.allows(0)
    assert [circuit.failed(1) for _ in range(5)] == [False, True, False, False, False]
    assert circuit.allows(16)


def test_an_answer_that_comes_late_closes_it() -> None:
    circuit = Circuit(failures=1, bypass_s=15)
    circuit.allows(0)
    circuit.allows(0)
    circuit.failed(1)
    assert circuit.succeeded()
    assert circuit.allows(1)
