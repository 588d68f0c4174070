"""`setImages`: a Promotion brings its images into the Rollout's template, once, and before any traffic moves.

What is written is a template like any other: a new revision that is checked and approved before users get it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.api.check_status import CheckStatus
from slipway.api.image_ref import ImageRef
from slipway.api.promotion import PromotionSpec
from slipway.core import charge, owners, staging
from slipway.core.approval import patch_command
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.checking import Result, outcome
from slipway.core.revision import Revision, of_spec

NAME = "images-set"

Place = tuple[str, int]
"""`containers` or `initContainers`, and the index in it."""


@dataclass(frozen=True)
class ImageSetting:
    """What the Promotion with this uid does to the template.

    `problem` is why it writes nothing before somebody has done something, `waits` what it waits for. `done`: the
    template has the images. Else `places` are to be written.
    """

    uid: str
    wanted: tuple[ImageRef, ...] = ()
    problem: str = ""
    waits: str = ""
    done: bool = False
    places: Mapping[Place, str] = field(default_factory=dict)
    warning: str = ""

    @property
    def due(self) -> bool:
        """Whether there is something to write, and nothing against it."""
        return not (self.problem or self.waits or self.done)


def setting(case: Case, candidate: Revision | None) -> ImageSetting | None:
    """What the leading Promotion does to the template now; None where it sets no images, or traffic moves."""
    if candidate is not None and candidate.marks.in_flight:
        return None
    claim = charge.in_charge(case.claims, case.environment, candidate) or _newest(case)
    if claim is None or claim.spec is None or not claim.spec.set_images:
        return None
    template = case.raw_spec.get("template")
    if not isinstance(template, Mapping):
        return None
    return _setting(case, claim, claim.spec, template)


def _newest(case: Case) -> Claim | None:
    """The Promotion that leads whatever candidate there will be."""
    found = [claim for claim in case.claims if charge.matches(claim, case.environment, "")]
    return found[-1] if found else None


def _setting(case: Case, claim: Claim, spec: PromotionSpec, template: Mapping[str, Any]) -> ImageSetting:
    uid, have = claim.uid, staging.images_of(template)
    wanted, problem = _wanted(case, spec, template)
    if problem:
        return ImageSetting(uid, problem=problem)
    refs = tuple(ImageRef(name=name, image=image) for name, image in sorted(wanted.items()))
    if all(have[name] == image for name, image in wanted.items()):
        return ImageSetting(uid, refs, done=True, warning=_warning(case, wanted))
    places = {
        (group, index): wanted[name]
        for group, index, name, image in staging.containers(template)
        if name in wanted and wanted[name] != image
    }
    problem = _refused(case, claim, spec, refs, places)
    if problem:
        return ImageSetting(uid, refs, problem)
    held = spec.hold or spec.rollback_plan_needed or spec.abort
    return ImageSetting(uid, refs, waits="the Promotion is held" if held else "", places=places)


def _wanted(case: Case, spec: PromotionSpec, template: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The images by container, or what is wrong with them."""
    have = staging.images_of(template)
    wanted = {ref.name: ref.image for ref in spec.images}
    for name in wanted:
        if name not in have:
            return {}, f"spec.images: there is no container {name} in spec.template of the Rollout"
    unnamed = sorted(name for group, _, name, _ in staging.containers(template) if group == "containers")
    missing = next((name for name in unnamed if wanted and name not in wanted), "")
    if missing:
        return {}, f"spec.images does not list container {missing} ({have[missing]})"
    if spec.from_ is None:
        return wanted, ""
    proof = staging.prove(case, spec.from_)
    if proof.stable is None:
        return {}, proof.problem
    there = staging.images_of(proof.stable.template)
    differs = staging.difference({**have, **(wanted or {name: there.get(name, have[name]) for name in have})}, there)
    if differs:
        return {}, f"the images are not those of revision {proof.stable.name} that spec.from names: {differs}"
    return wanted or there, ""


def _refused(
    case: Case, claim: Claim, spec: PromotionSpec, refs: tuple[ImageRef, ...], places: Mapping[Place, str]
) -> str:
    """Why these images are not written, though the template has others."""
    again = patch_command(case.namespace, claim.name)
    if tuple(claim.status.images_set) == refs and (spec.rerun or "") == (claim.status.rerun or ""):
        return (
            "somebody has changed the images of spec.template since they were set; set them again: "
            f'{again} \'{{"spec":{{"rerun":"{charge.another_rerun(claim)}"}}}}\''
        )
    if spec.approved:
        return "the approval is about other images: withdraw it, and these are set"
    keeper = owners.keeper(case.rollout)
    if keeper:
        return (
            f"field manager {keeper} owns the containers of Rollout {case.name} and would undo the change: change the "
            "images where it takes them from, and leave setImages out"
        )
    result = of_spec({**case.raw_spec, "template": changed(case.raw_spec["template"], places)})
    stable, previous = case.lineage.stable, case.lineage.previous
    if result is None:
        return "spec.template and spec.service.ports of the Rollout make no revision"
    if stable is not None and result.name == stable.name:
        return f"revision {stable.name} with these images serves already"
    if previous is not None and stable is not None and result.name == previous.name:
        return (
            f"revision {previous.name} with these images served before: going back to it is no launch. To go back: "
            f"kubectl -n {case.namespace} patch rollouts.slipway.dev/{case.name} --type merge -p "
            f'\'{{"spec":{{"abort":"{stable.name}"}}}}\''
        )
    return ""


def changed(template: Mapping[str, Any], places: Mapping[Place, str]) -> dict[str, Any]:
    """The template with other images."""
    spec = dict(template.get("spec") or {})
    for (group, index), image in places.items():
        listed = list(spec[group])
        listed[index] = {**listed[index], "image": image}
        spec[group] = listed
    return {**template, "spec": spec}


def _warning(case: Case, wanted: Mapping[str, str]) -> str:
    applied = owners.applied_template(case.rollout)
    if applied is None:
        return ""
    said = staging.images_of(applied)
    if all(said.get(name, image) == image for name, image in wanted.items()):
        return ""
    return "; beware: the manifest that kubectl apply has sent names other images, and its next apply brings them back"


def check(found: ImageSetting) -> CheckStatus:
    """As one of the candidate's checks: without its images no Promotion gets an approval."""
    if found.done:
        listed = ", ".join(f"{ref.name}={ref.image}" for ref in found.wanted)
        return outcome(NAME, "Operations", Result.PASSED, f"the Rollout's template has {listed}{found.warning}")
    if found.problem:
        return outcome(NAME, "Operations", Result.FAILED, found.problem)
    return outcome(NAME, "Operations", Result.PENDING, found.waits or "bringing the images into spec.template")
