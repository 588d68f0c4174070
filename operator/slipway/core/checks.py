"""All checks on a candidate, for its Promotion: the operator's own, and those that the Promotion lists.

Each ends Passed, Failed, NotApplicable or Unverifiable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.api.check import MAY_NOT_APPLY, OF_TEMPLATE
from slipway.api.check_status import CheckStatus
from slipway.api.rollout import SmokeTestStatus
from slipway.core import after_switch, gates_answer, rehearsal, retried, set_images, staging
from slipway.core.case import Case
from slipway.core.checking import GOOD, Result, Subjects, expired, outcome, waived
from slipway.core.containers import containers
from slipway.core.decision import Apply, DryRun, Probe
from slipway.core.listed import listed_check
from slipway.core.policy.demands import Demands
from slipway.core.revision import Revision
from slipway.core.snapshot import Probed
from slipway.core.stated import stated_checks
from slipway.core.template_checks import TEMPLATE_CHECKS
from slipway.core.world import Pod


@dataclass(frozen=True)
class Checked:
    """The checks of one candidate, and the probes that they wait for."""

    checks: tuple[CheckStatus, ...]
    probes: tuple[Probe, ...]
    advisory: frozenset[str] = frozenset()
    """Names of those that are shown and do not block."""
    later: frozenset[str] = frozenset()
    """Names of those that people look at after the switch: they do not hold up what comes before it."""
    again: datetime | None = None
    """When time alone changes a result."""

    @property
    def pending(self) -> list[CheckStatus]:
        """Those without a result yet."""
        return [check for check in self._required if check.result == Result.PENDING]

    @property
    def failed(self) -> list[CheckStatus]:
        """Those that block."""
        return [check for check in self._required if check.result not in GOOD | {Result.PENDING}]

    @property
    def due(self) -> list[CheckStatus]:
        """Those that can have passed before traffic."""
        return [check for check in self.checks if check.name not in self.later]

    @property
    def _required(self) -> list[CheckStatus]:
        return [check for check in self.due if check.name not in self.advisory]

    @property
    def passed(self) -> str:
        """What there is to say when nothing blocks."""
        open_ones = [f"{c.name} {c.result}" for c in self.due if c.name in self.advisory and c.result not in GOOD]
        after = f"; after the switch a person looks at {', '.join(sorted(self.later))}" if self.later else ""
        if not open_ones:
            return f"all {len(self.due)} checks passed{after}"
        return f"all {len(self._required)} required checks passed, advisory: {', '.join(open_ones)}{after}"

    @property
    def against(self) -> str:
        """Why the checks do not let the candidate have traffic; '' when they do."""
        if self.failed:
            first = self.failed[0]
            return f"check {first.name} {first.result}: {first.message}{_more(self.failed[1:])}"
        if self.pending:
            return f"check {self.pending[0].name} has no result yet: {self.pending[0].message}"
        return ""


_NAMED = 5
"""Of further checks that failed, how many a message names."""


def _more(failed: Sequence[CheckStatus]) -> str:
    if not failed:
        return ""
    names = [check.name for check in failed[:_NAMED]] + ["…"] * (len(failed) > _NAMED)
    return f"; and {len(failed)} more: {', '.join(names)}"


def template_key(case: Case, revision: Revision) -> str:
    """The identity of the dry run of a revision's Deployment."""
    return f"template/{case.uid}/{revision.digest}"


def template_probe(case: Case, revision: Revision, deployment: Apply) -> DryRun:
    """Ask the API server whether it would take the template."""
    return DryRun(key=template_key(case, revision), due=case.now, writes=(deployment,))


def template_verdict(case: Case, revision: Revision) -> Probed | None:
    """The API server's answer; a Deployment that exists is one. None: not asked yet."""
    if revision.name in case.world.deployments:
        return Probed(at=case.now, passed=True, message="the API server took the template")
    seen = case.snapshot.observations.get(template_key(case, revision))
    return seen if isinstance(seen, Probed) else None


def run(
    case: Case,
    about: Subjects,
    before: Sequence[CheckStatus],
    smoke: Sequence[SmokeTestStatus],
    fresh: bool,
    demands: Demands | None = None,
) -> Checked:
    """All checks with what is known now.

    `before` are the results so far; `fresh` forgets them (a rerun, a new plan), and policies those that are too old.
    What is asked of the metrics source or the API server needs a status that keeps its results, or it would be asked
    again in every pass: a Promotion's, or under Automatic the Rollout's.
    """
    demands = demands or Demands()
    last = {} if fresh else {check.name: check for check in before}
    known = {name: check for name, check in last.items() if not expired(check, demands.max_age, case.now)}
    found = [
        _template(case, about.candidate),
        _health(about.candidate),
        _references(case, about.candidate),
        *_of_template(about),
        *(_smoke(test) for test in smoke),
    ]
    probes: list[Probe] = []
    again = None
    if about.promotion is not None:
        setting = set_images.setting(case, about.candidate) if about.promotion.set_images else None
        if setting is not None:
            found.append(set_images.check(setting))
        if about.promotion.from_ is not None:
            asked = demands.staging
            check, again = staging.check(case, about, about.promotion.from_, asked.within, asked.soak)
            found.append(_once_set(setting, check))
        if about.promotion.images:
            found.append(_once_set(setting, _images(about)))
    if about.keeps_results:
        for check, wanted in (
            gates_answer.check(case, about, known.get(gates_answer.NAME)),
            rehearsal.check(case, about, known.get(rehearsal.NAME)),
        ):
            found.append(check)
            probes.extend(wanted)
    if about.promotion is not None:
        found.append(retried.check(case, about))
        found.extend(stated_checks(about.promotion, case.snapshot.settings.notices, demands.least_score))
        for listed in about.promotion.checks:
            if listed.name in MAY_NOT_APPLY:
                continue
            check, wanted = listed_check(case, about, listed, last.get(listed.name), demands.max_age)
            found.append(check)
            probes.extend(wanted)
    old = {check.name: check for check in before}
    dated = tuple(_dated(check, old.get(check.name), case.now) for check in found)
    return Checked(dated, tuple(probes), demands.advisory, after_switch.later(about.promotion), again)


def _dated(check: CheckStatus, old: CheckStatus | None, now: datetime) -> CheckStatus:
    """A result keeps the time at which it was first found."""
    if check.at is not None or check.result == Result.PENDING:
        return check
    same = old is not None and (old.result, old.message) == (check.result, check.message)
    return check.model_copy(update={"at": old.at if same and old else now})


def _template(case: Case, candidate: Revision) -> CheckStatus:
    verdict = template_verdict(case, candidate)
    if verdict is None:
        return outcome("template-accepted", "Operations", Result.PENDING, "asking the API server")
    result = Result.PASSED if verdict.passed else Result.FAILED
    return outcome("template-accepted", "Operations", result, verdict.message)


def _health(candidate: Revision) -> CheckStatus:
    """Every container that a port of the Service leads to has a readiness probe; without one a pod is ready at once."""
    found = [(index, container) for _, index, container in containers(candidate.template, ("containers",))]
    serving = [c for _, c in found if _serves(c, candidate.ports)] or [c for _, c in found]
    for index, container in found:
        if container in serving and not container.get("readinessProbe"):
            where = f"spec.template.spec.containers[{index}].readinessProbe"
            return outcome(
                "health-probe",
                "Operations",
                Result.FAILED,
                f"{where} is missing: without it a pod counts as ready before it can answer",
            )
    return outcome("health-probe", "Operations", Result.PASSED, "every serving container has a readiness probe")


def _serves(container: Mapping[str, Any], ports: Sequence[Mapping[str, Any]]) -> bool:
    targets = [port.get("targetPort", port.get("port")) for port in ports]
    listed = container.get("ports")
    own = [p for p in listed if isinstance(p, Mapping)] if isinstance(listed, list) else []
    return any(p.get("name") in targets or p.get("containerPort") in targets for p in own)


def _of_template(about: Subjects) -> list[CheckStatus]:
    """What the template shows by itself. The reason why one of these does not apply is part of the plan."""
    return [
        waived(name, OF_TEMPLATE[name], reason)
        if (reason := about.said_not_to_apply(name))
        else judge(about.candidate.template)
        for name, judge in TEMPLATE_CHECKS.items()
    ]


def _references(case: Case, candidate: Revision) -> CheckStatus:
    """ConfigMaps, Secrets and keys, as the candidate's own pods prove it: Slipway has no right to read Secrets."""
    pods = case.world.pods_of(candidate.name)
    name = "references-exist"
    for pod in pods:
        if pod.trouble in {"CreateContainerConfigError", "CreateContainerError"}:
            return outcome(name, "Operations", Result.FAILED, f"pod {pod.name}: {pod.message or pod.trouble}")
    if pods and any(pod.ready for pod in pods):
        return outcome(name, "Operations", Result.PASSED, "the candidate's pods started with all they refer to")
    return outcome(name, "Operations", Result.PENDING, _starting(pods))


def _starting(pods: Sequence[Pod]) -> str:
    troubled = next((pod for pod in pods if pod.trouble), None)
    if troubled:
        detail = f": {troubled.message}" if troubled.message else ""
        return f"pod {troubled.name} is not ready: {troubled.trouble}{detail}"
    return "waiting for the candidate's pods"


def _images(about: Subjects) -> CheckStatus:
    template = about.candidate.template
    have = staging.images_of(template)
    wanted = {ref.name: ref.image for ref in (about.promotion.images if about.promotion else [])}
    for name, image in sorted(wanted.items()):
        if have.get(name) != image:
            there = have.get(name, "no such container")
            return outcome("images", "Compliance", Result.FAILED, f"spec.images: {name} should be {image}, is {there}")
    extra = sorted(
        name for group, _, name, _ in staging.containers(template) if group == "containers" and name not in wanted
    )
    if extra:
        message = f"spec.images does not list container {extra[0]} ({have[extra[0]]})"
        return outcome("images", "Compliance", Result.FAILED, message)
    return outcome("images", "Compliance", Result.PASSED, "the candidate has exactly the asserted images")


def _once_set(setting: set_images.ImageSetting | None, check: CheckStatus) -> CheckStatus:
    """What a candidate's images are says nothing while others are still to be set."""
    if setting is None or setting.done:
        return check
    return outcome(check.name, check.category, Result.PENDING, "waits for the images to be set")


def _smoke(test: SmokeTestStatus) -> CheckStatus:
    results = {"Pass": Result.PASSED, "Fail": Result.FAILED, "Error": Result.UNVERIFIABLE}
    result = results.get(test.verdict, Result.PENDING)
    message = test.message or "waiting for the candidate's pods"
    check = outcome(f"smoke/{test.name}", "Quality", result, message)
    return check.model_copy(update={"at": test.at}) if result != Result.PENDING else check
