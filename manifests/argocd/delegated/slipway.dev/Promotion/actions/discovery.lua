-- As the discovery beside it, and what only approvers may say: to approve and to lift a hold. Argo CD says it with its own
-- account, which has to be listed among the approvers and have the verb `approve`; what it approves is `delegated`.
local status = type(obj.status) == "table" and obj.status or {}
local phase = type(status.phase) == "string" and status.phase or ""
local open = {Checking = true, Blocked = true, AwaitingApproval = true, Held = true, Approved = true, Shifting = true}
local spec = obj.spec
local held = (spec.hold ~= nil and spec.hold ~= "") or spec.rollbackPlanNeeded == true
-- Further approvers, and steps of a canary that ask again, need an entry of a person.
local asked = phase == "AwaitingApproval" and spec.approved ~= true and status.observedGeneration == obj.metadata.generation

return {
  approve = {
    disabled = not asked or spec.dryRun == true,
    displayName = "Approve the plan in status",
    iconClass = "fa fa-fw fa-check-circle",
  },
  resume = {
    disabled = not open[phase] or not held,
    displayName = "Resume",
    iconClass = "fa fa-fw fa-play-circle",
  },
  hold = {
    disabled = not open[phase] or held or spec.dryRun == true,
    displayName = "Hold",
    iconClass = "fa fa-fw fa-pause-circle",
    params = {{name = "reason"}},
  },
  abort = {
    -- What is watched has succeeded, and goes back by the same word.
    disabled = not (open[phase] or phase == "Watching") or spec.abort ~= nil,
    displayName = "Abort",
    iconClass = "fa fa-fw fa-stop-circle",
    params = {{name = "reason"}},
  },
  retry = {
    disabled = phase ~= "Blocked" and phase ~= "Checking",
    displayName = "Run the checks again",
    iconClass = "fa fa-fw fa-redo",
  },
}
