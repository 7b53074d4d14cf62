"""GET /v1/model: what scores, what only looks on, and how far traffic has drifted from training."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spit.engine.callers import LABELS
from spit.engine.observers import Observers
from spit.service.contract import Engine
from spit.service.openapi import problems
from spit.service.scopes import requires

#: Features told; the most changed ones.
_MOST = 10


class ChallengerModel(BaseModel):
    """A model whose verdicts reach no action, compared with the one that decides."""

    model: str
    attempts: int = Field(description="scored by both")
    agreed: int = Field(description="with the same label")
    only_champion_spam: int
    only_challenger_spam: int
    labels: dict[str, dict[str, int]] = Field(
        description="attempts by the champion's and the challenger's label"
    )


class DriftModel(BaseModel):
    """How far a feature, or the score, is from training."""

    name: str
    psi: float | None = Field(description="population stability index; null while there are too few calls")
    meaning: str
    median_then: float
    median_now: float | None


class ModelState(BaseModel):
    """The model in force and those who look on."""

    model: str
    challenger: ChallengerModel | None = None
    drift: list[DriftModel] | None = Field(
        default=None, description="the score, then the most changed features; null without a reference yet"
    )


def model_router(engine: Engine, observers: Observers) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["operation"], dependencies=requires("read"))

    @router.get(
        "/v1/model", response_model=ModelState, responses=problems(401, 403, 429), operation_id="model"
    )
    def model() -> ModelState:
        """Which model scores, how a challenger compares, and drift since training."""
        challenger, drift = None, None
        if observers.challenger is not None:
            compared = observers.challenger.comparison()
            challenger = ChallengerModel(
                model=compared.challenger,
                attempts=compared.attempts,
                agreed=compared.agreed,
                only_champion_spam=compared.only_champion,
                only_challenger_spam=compared.only_challenger,
                labels={
                    LABELS[i].value: {LABELS[j].value: count for j, count in enumerate(row)}
                    for i, row in enumerate(compared.labels)
                },
            )
        if observers.drift is not None and (found := observers.drift.drifts()):
            score = [one for one in found if one.name == "score"]
            features = [one for one in found if one.name != "score"]
            drift = [
                DriftModel(
                    name=one.name,
                    psi=one.psi,
                    meaning=one.words,
                    median_then=one.median_then,
                    median_now=one.median_now,
                )
                for one in [*score, *features[:_MOST]]
            ]
        return ModelState(model=engine.model_name, challenger=challenger, drift=drift)

    return router
