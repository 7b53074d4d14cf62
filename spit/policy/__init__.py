"""Policy: turns a verdict into an action. It alone holds thresholds, lists, exemptions and the SIP answer."""

from spit.policy.policy import Policy

__all__ = ["Policy"]
