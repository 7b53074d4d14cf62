"""The HTTP service and what it keeps: [service], [storage] and [records]."""

from __future__ import annotations

from dataclasses import dataclass

from spit.config.addresses import hidden_password
from spit.config.fields import PATH, boolean_field, choice_field, integer_field, number_field, text_field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """[service]: where the HTTP service listens and how much it reads."""

    host: str = text_field("127.0.0.1", r"[0-9A-Za-z.:_-]+", "an address or a host name")
    port: int = integer_field(8060, 0, 65_535)
    allow_public: bool = boolean_field(False)
    max_score_bytes: int = integer_field(2**20, 1_024, 2**30)
    max_events_bytes: int = integer_field(64 * 2**20, 1_024, 2**30)
    agent_token_file: str = text_field("", PATH, 'a file that holds the token of agents, or ""')
    keys_file: str = text_field("", PATH, 'a file that lists API keys, or ""')
    tls_certificate: str = text_field("", PATH, 'a file with a certificate and its chain (PEM), or ""')
    tls_key: str = text_field("", PATH, 'a file with the private key of the certificate (PEM), or ""')
    tls_client_ca: str = text_field(
        "", PATH, 'a file with the authorities of client certificates (PEM), or ""'
    )
    score_budget_ms: int = integer_field(50, 1, 60_000)
    score_threads: int = integer_field(4, 1, 64)
    score_rate: int = integer_field(0, 0, 1_000_000)
    request_rate: int = integer_field(2_000, 0, 1_000_000)
    max_connections: int = integer_field(2_000, 1, 1_000_000)
    max_header_bytes: int = integer_field(16_384, 1_024, 65_536)
    header_timeout_s: float = number_field(10.0, 0.05, 3_600, " of seconds")
    body_timeout_s: float = number_field(30.0, 0.05, 3_600, " of seconds")
    log_format: str = choice_field("text", ("text", "json"))
    access_log: str = choice_field("others", ("none", "others", "all"))
    state: str = text_field("", PATH, 'the folder of the saved state, or ""')
    checkpoint_s: int = integer_field(30, 1, 86_400)
    journal_sync: str = choice_field("always", ("always", "interval"))
    drain_s: int = integer_field(10, 1, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsConfig:
    """[records]: finished calls with their verdicts, as Parquet by hour."""

    directory: str = text_field("", PATH, 'the folder of call records, or ""')
    flush_s: int = integer_field(60, 1, 86_400)
    flush_rows: int = integer_field(50_000, 1, 10_000_000)
    retention_days: int = integer_field(30, 0, 36_500)
    max_mib: int = integer_field(10_240, 0, 2**30)
    pseudonymise: bool = boolean_field(False)
    pseudonym_key_file: str = text_field("", PATH, 'a file that holds the key of pseudonyms, or ""')


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """[storage]: the control database, which holds lists, API keys and the audit log."""

    url: str = text_field(
        "",
        r"((sqlite|postgres(ql)?)://[^\x00-\x20]+|(?!.*://)[^\x00]*)",
        'a path, "sqlite:///PATH", "postgresql://USER@HOST/DATABASE", or ""',
        hidden_password,
    )
    poll_s: float = number_field(1.0, 0.05, 3_600, " of seconds")
