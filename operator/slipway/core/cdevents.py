"""What of a launch is told to machines as a CDEvent (https://cdevents.dev): its steps, and which version serves."""

from __future__ import annotations

from packageurl import PackageURL

from slipway.api.notice import CDEventStatus
from slipway.core.notice_routes import ENDED, SHARE
from slipway.core.record.statement import recorded_images
from slipway.core.revision import Revision
from slipway.core.scene import Scene

CHANNEL = "CDEvents"
"""The channel that they go to. No channel of the administrator's can be called so: theirs are in lower case."""
STEPS = {
    "AwaitingApproval": "pipelinerun.queued",
    "Approved": "pipelinerun.started",
    SHARE: "taskrun.started",
    ENDED: "pipelinerun.finished",
}
"""The steps of a launch, which is a run of a pipeline: notices by their names, subjects and predicates of CDEvents."""
EVENTS = frozenset({"Launched", "RolledBack", *STEPS})
"""The notices that are CDEvents too."""


def told(scene: Scene, event: str, moved: Revision | None) -> CDEventStatus | None:
    """The CDEvent of a notice; None where there is none. `moved` had traffic under its Promotion."""
    if event in STEPS:
        return CDEventStatus(type=STEPS[event])
    lineage = scene.course.lineage
    if event == "Launched" and moved is not None:
        # What served before is kept for a while, also when the operator died between the mark and this notice.
        first = lineage.previous is None
        return _about(scene, "service.deployed" if first else "service.upgraded", moved)
    if event == "RolledBack" and lineage.stable is not None:
        return _about(scene, "service.rolledback", lineage.stable)
    return CDEventStatus(type="service.removed") if event == "RolledBack" else None


def _about(scene: Scene, kind: str, serves: Revision) -> CDEventStatus:
    return CDEventStatus(type=kind, artifact_id=artifact_of(scene, serves))


def artifact_of(scene: Scene, revision: Revision) -> str:
    """The package URL of the image of a revision's first container."""
    image = next(iter(recorded_images(scene.case, revision)), None)
    if image is None:
        return f"pkg:generic/{revision.name}"
    reference = image.image.partition("@")[0]
    path, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    qualifiers = {"repository_url": f"{path}/{name}"} if slash else {}
    if tag:
        qualifiers["tag"] = tag
    return PackageURL(
        "oci", name=name.lower() or revision.name, version=image.digest or None, qualifiers=qualifiers
    ).to_string()
