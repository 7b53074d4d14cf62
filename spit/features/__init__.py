"""Features: a declared table over three keyed primitives. Nothing else keeps state."""

from spit.features.declare import Feature
from spit.features.table import FeatureRows, FeatureTable

__all__ = ["Feature", "FeatureRows", "FeatureTable"]
