"""What people say to one Promotion, and why a file that is applied is no place for it."""

from __future__ import annotations

from collections.abc import Mapping

_APPROVAL = "a person's word does not belong in a manifest; creating it so is refused"

REFUSED: Mapping[str, str] = {
    "acceptNoData": (
        "a Promotion cannot be created with it: who may approve says it with kubectl slipway "
        "accept-no-data, once status has a plan"
    ),
}
"""By field: what admission refuses in every new Promotion."""

MISPLACED: Mapping[str, str] = {
    "approved": _APPROVAL,
    "approvals": _APPROVAL,
    "approvedWeight": _APPROVAL,
    "weightApprovals": _APPROVAL,
    "hold": "every apply would hold again what an approver has lifted: say it with kubectl slipway hold",
    "rollbackPlanNeeded": "every apply would ask again for what an approver has lifted: say it with kubectl patch",
    "abort": "a file with it ends its launch, and every one that is copied from it: say it with kubectl slipway abort",
    "breakGlass": (
        "policies would be lifted in the name of whatever applies the file, also after the emergency: say it with "
        "kubectl patch"
    ),
    "saidBy": "it is stamped with the name of whoever says a word, and refused under another's",
    "confirmed": "a person confirms under the own name, for the plan in status; it is refused from what applies a file",
    "learnings": "people write them after the end, and the next apply would overwrite theirs",
}
"""By field: why a person says it, and not a file. An approval by pull request is the exception (docs/gitops.md)."""
