"""The report of a Promotion for its page: the text, what changes, and whether it is the one that the status names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pydantic import ValidationError

from slipway.api.promotion_status import PromotionStatus
from slipway.api.report import Change, Report
from slipway.cluster.errors import APIError
from slipway.console.session import Session
from slipway.core.revision import canonical, sha256
from slipway.dashboard.markdown import rendered

NOTHING = Markup()


@dataclass(frozen=True)
class Shown:
    """What a page shows of a report."""

    text: Markup = NOTHING
    changes: Sequence[Change] = ()
    serving: str = ""
    doubts: Sequence[str] = ()
    """Why nobody should decide on it, or why there is none."""


async def read(session: Session, namespace: str, status: PromotionStatus) -> Shown:
    """The report as it is now. What cannot be read is said and is no error."""
    if status.report is None:
        return Shown(doubts=["There is no current report."])
    name = status.report.config_map
    try:
        text = await session.text(namespace, name, "report.md")
        data = await session.text(namespace, name, "report.json")
    except APIError as error:
        return Shown(doubts=[f"The report cannot be read: {error}"])
    try:
        content = json.loads(data)
        report = Report.model_validate(content, extra="ignore")
    except (ValueError, ValidationError):
        return Shown(rendered(text), doubts=["The data of the report cannot be read: it is of another version."])
    doubts = []
    if sha256(canonical(content)) != status.report.digest:
        doubts.append("This is not the report that the status names. Reload in a moment; if it stays so, ask why.")
    if report.plan_hash != status.plan_hash:
        doubts.append("This report is about another plan than the one that an approval would be about.")
    return Shown(rendered(text), report.changes, report.serving, doubts)
