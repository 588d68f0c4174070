-- What everybody may say who may change a Promotion. Whoever uses Argo CD's own account to approve takes the discovery
-- of the folder `delegated` instead.
local status = type(obj.status) == "table" and obj.status or {}
local phase = type(status.phase) == "string" and status.phase or ""
local open = {Checking = true, Blocked = true, AwaitingApproval = true, Held = true, Approved = true, Shifting = true}
local spec = obj.spec
local held = (spec.hold ~= nil and spec.hold ~= "") or spec.rollbackPlanNeeded == true

return {
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
