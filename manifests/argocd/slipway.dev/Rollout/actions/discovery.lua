-- Both name the revision that must not serve in spec.abort, which is acted on once.
local status = type(obj.status) == "table" and obj.status or {}
local candidate = type(status.candidate) == "table" and status.candidate.revision or nil
-- One with a step is on its way to users, and goes back before anything else does.
local step = type(status.candidate) == "table" and status.candidate.step or nil
local stable = type(status.stable) == "table" and status.stable.revision or nil
local previous = type(status.previous) == "table" and status.previous.revision or nil

return {
  abort = {
    disabled = candidate == nil or obj.spec.abort == candidate,
    displayName = "Abort the candidate",
    iconClass = "fa fa-fw fa-stop-circle",
  },
  ["roll-back"] = {
    disabled = step ~= nil or stable == nil or previous == nil or obj.spec.abort == stable,
    displayName = "Go back to the previous revision",
    iconClass = "fa fa-fw fa-undo",
  },
}
