"""The whole configuration: one attribute per TOML table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, cast

from spit.config.capture import INTERNATIONAL_PREFIX, AgentConfig, IdentityConfig, TrackingConfig
from spit.config.fields import Setting
from spit.config.learning import FeedbackConfig, ModelConfig
from spit.config.policy import PolicyConfig
from spit.config.push import BlockListFileConfig, KamailioConfig, RedisConfig, VerdictsConfig, WebhooksConfig
from spit.config.redirect import RedirectConfig
from spit.config.service import RecordsConfig, ServiceConfig, StorageConfig
from spit.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, one attribute per TOML table."""

    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    redirect: RedirectConfig = field(default_factory=RedirectConfig)
    records: RecordsConfig = field(default_factory=RecordsConfig)
    verdicts: VerdictsConfig = field(default_factory=VerdictsConfig)
    webhooks: WebhooksConfig = field(default_factory=WebhooksConfig)
    redis: RedisConfig = field(default_factory=RedisConfig)
    kamailio: KamailioConfig = field(default_factory=KamailioConfig)
    blocklist_file: BlockListFileConfig = field(default_factory=BlockListFileConfig)

    def core_settings(self) -> dict[str, object]:
        """The keys of [tracking] and [identity] as the Rust module takes them (``_core.CaptureReader``).

        Raises ConfigError when ``default_region`` has not been filled in
        (``spit.capture.numbers.with_region``).
        """
        if self.identity.default_region:
            raise ConfigError(
                "identity.default_region: expected its rules to be filled in, found the name alone"
            )
        settings: dict[str, object] = {}
        for section in (self.tracking, self.identity):
            for one in fields(section):
                value = getattr(section, one.name)
                settings[one.name] = list(value) if isinstance(value, tuple) else value
        del settings["default_region"]
        if not self.identity.international_prefixes:
            settings["international_prefixes"] = [INTERNATIONAL_PREFIX]
        return settings


#: The class of each table, by its name.
SECTIONS: dict[str, type[Any]] = {one.name: cast(type[Any], one.default_factory) for one in fields(Config)}


def settings_by_key() -> dict[str, Setting]:
    """How each key is read, by ``section.key``."""
    return {
        f"{section}.{one.name}": one.metadata["setting"]
        for section, kind in SECTIONS.items()
        for one in fields(kind)
    }


def changed_keys(old: Config, new: Config) -> list[str]:
    """The keys whose values differ, as ``policy.mode``."""
    return [
        f"{section}.{one.name}"
        for section, kind in SECTIONS.items()
        for one in fields(kind)
        if getattr(getattr(old, section), one.name) != getattr(getattr(new, section), one.name)
    ]
