"""The steps of the plan that migrate data. Their pod templates stay out of it: values in them may be secrets."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.duration import format_duration
from slipway.api.migration_job import MigrationJob
from slipway.api.promotion import PromotionSpec
from slipway.api.report import PlanStep
from slipway.core.staging import images_of


def with_migrations(plan: Sequence[PlanStep], spec: PromotionSpec) -> list[PlanStep]:
    """The plan, whose first step is the wait for an approval, with the Jobs of `spec.migrations` where they run."""
    jobs = spec.migrations.jobs if spec.migrations is not None else None
    if jobs is None:
        return list(plan)
    before = [_step("migration expand", jobs.expand, "it has succeeded; no traffic moves before that")]
    after = [
        _step("when the watch and keepPrevious are over: migration contract", jobs.contract, "it has ended"),
        _step("only if traffic goes back or does not come: migration rollback", jobs.rollback, "it has ended"),
    ]
    return [*plan[:1], *filter(None, before), *plan[1:], *filter(None, after)]


def _step(what: str, job: MigrationJob | None, until: str) -> PlanStep | None:
    if job is None:
        return None
    images = ", ".join(images_of(job.template).values())
    lasts = f"at most {format_duration(job.timeout)}"
    return PlanStep(what=f"{what} runs as a Job" + (f" of {images}" if images else ""), lasts=lasts, until=until)
