"""From a spec to a plan."""

from __future__ import annotations

from spit.simulate.campaigns import place_campaigns
from spit.simulate.organisations import place_organisations
from spit.simulate.people import place_people
from spit.simulate.plan import Plan
from spit.simulate.population import place_population
from spit.simulate.scene import Scene
from spit.simulate.spec import SimulationSpec


def simulate(spec: SimulationSpec) -> Plan:
    """The plan of every call of the spec. The same spec gives the same plan."""
    scene = Scene(spec)
    place_population(scene)
    place_people(scene)
    place_organisations(scene)
    place_campaigns(scene)
    return scene.finish()
