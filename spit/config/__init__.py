"""The configuration: one TOML file, environment over it, flags over both (docs/configuration.md).

A module per concern declares its tables (``fields``, ``addresses``: how values are read), ``tables`` joins
them, ``load`` reads them. A leaf: it imports nothing of ours but ``errors``, so every layer may import it.
"""

from spit.config.capture import INTERNATIONAL_PREFIX, AgentConfig, IdentityConfig, TrackingConfig
from spit.config.fields import Setting
from spit.config.learning import FeedbackConfig, ModelConfig
from spit.config.load import load_config, load_with_origins
from spit.config.policy import ACTIONS, REJECT_PROFILES, PolicyConfig
from spit.config.push import (
    BlockListFileConfig,
    KamailioConfig,
    RedisConfig,
    VerdictsConfig,
    WebhooksConfig,
)
from spit.config.redirect import RedirectConfig
from spit.config.service import RecordsConfig, ServiceConfig, StorageConfig
from spit.config.tables import SECTIONS, Config, changed_keys, settings_by_key
from spit.config.token_file import read_token

__all__ = [
    "ACTIONS",
    "INTERNATIONAL_PREFIX",
    "REJECT_PROFILES",
    "SECTIONS",
    "AgentConfig",
    "BlockListFileConfig",
    "Config",
    "FeedbackConfig",
    "IdentityConfig",
    "KamailioConfig",
    "ModelConfig",
    "PolicyConfig",
    "RecordsConfig",
    "RedirectConfig",
    "RedisConfig",
    "ServiceConfig",
    "Setting",
    "StorageConfig",
    "TrackingConfig",
    "VerdictsConfig",
    "WebhooksConfig",
    "changed_keys",
    "load_config",
    "load_with_origins",
    "read_token",
    "settings_by_key",
]
