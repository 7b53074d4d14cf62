"""What the redirect server counts, by name and in words (docs/counters.md)."""

from __future__ import annotations

MEANINGS = {
    "messages": "SIP messages from peers",
    "peers_refused": "messages and connections from addresses that are not in `redirect.peers`, dropped",
    "keep_alives": "keep-alives: empty datagrams and line ends (RFC 5626)",
    "not_sip": "datagrams that hold no request that could be answered, dropped",
    "responses_ignored": "SIP responses, which nobody asked for, dropped",
    "invites": "INVITEs that opened a transaction",
    "invites_repeated": "INVITEs that were sent again; the last response went out again",
    "options": "OPTIONS answered",
    "cancels": "CANCELs of calls that were not answered yet: 487",
    "cancels_late": "CANCELs of calls that were answered, or not known (481)",
    "acks": "ACKs to responses",
    "acks_unmatched": "ACKs of no transaction that is known",
    "refused": "requests refused without a verdict: 400, 405, 416, 420, 481, 483, 505",
    "answers_clean": "calls answered as clean, `answers_degraded` among them",
    "answers_suspect": "calls answered as suspect",
    "answers_spam": "calls answered as spam",
    "answers_divert": "calls answered with where to divert them",
    "answers_drop": "calls answered as the profile says for drop",
    "answers_silent": "calls of those that got no response at all",
    "answers_degraded": "calls let through because there was no verdict: alarm on it",
    "asks_late": "questions without an answer within `redirect.budget_ms`",
    "asks_failed": "questions that failed, those that the open circuit held back among them",
    "asks_unreadable": "INVITEs that could not be scored for what they hold",
    "asks_shed": "INVITEs not asked about because too many questions were open",
    "asks_bypassed": "questions held back while the circuit was open",
    "circuit_opened": "times that the circuit opened because the scorer failed again and again",
    "responses_repeated": "responses sent again because no ACK came",
    "acks_missing": "responses that no ACK came for within 32 s",
    "responses_lost": "responses that could not be sent: the connection was gone, or the network refused",
    "transactions_evicted": "answered transactions forgotten early: `redirect.max_transactions` was reached",
    "transactions_refused": "INVITEs let through without a transaction because all of them were unanswered",
    "connections": "TCP connections accepted",
    "connections_refused": "TCP connections refused because `redirect.max_connections` were open",
    "connections_cut": "TCP connections closed: idle, no SIP, a message too long, or answers not taken",
}
LEVELS = {
    "transactions": "transactions that are remembered",
    "connections_open": "TCP connections that are open",
}
