"""Step 5: how likely our words are to be taken for spam, and what to leave out of the reply."""

from collections.abc import Iterable
from typing import ClassVar

from serving import risk
from serving.risk import score_risk
from serving.step import Step
from serving.types import Risk, RiskQuery, StepName


class AnalyzeBanRisk(Step[RiskQuery, Risk]):
    name: ClassVar[StepName] = "analyze_ban_risk"

    def __init__(self, own_domains: Iterable[str]) -> None:
        self._own_domains = frozenset(own_domains)

    async def warm_up(self) -> None:
        risk.warm_up()

    async def one(self, item: RiskQuery) -> Risk:
        return score_risk(item.text, self._own_domains)
