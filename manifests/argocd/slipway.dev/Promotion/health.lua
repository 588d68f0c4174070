-- The health of a Promotion. Only the base library of Lua is there, and an error would show as Unknown: whatever is not
-- what the operator writes is Progressing.
local health = {
  Checking = "Progressing",
  Blocked = "Degraded",
  AwaitingApproval = "Suspended",
  Held = "Suspended",
  Approved = "Progressing",
  Shifting = "Progressing",
  Watching = "Healthy",
  Succeeded = "Healthy",
  RolledBack = "Degraded",
  Failed = "Degraded",
  Aborted = "Degraded",
  Superseded = "Healthy",
  DryRunComplete = "Healthy",
}

-- Phases that are never left, whatever is written into the spec afterwards (learnings, for example): the operator need
-- not look at them again.
local final = {
  Succeeded = true,
  RolledBack = true,
  Failed = true,
  Aborted = true,
  Superseded = true,
  DryRunComplete = true,
}

local function answer(status, message)
  return {status = status, message = message}
end

local status = obj.status
if type(status) ~= "table" or type(status.phase) ~= "string" or status.phase == "" then
  return answer("Progressing", "Slipway has not looked at this Promotion yet")
end
if status.observedGeneration ~= obj.metadata.generation and not final[status.phase] then
  return answer("Progressing", "Slipway has not looked at the last change of this Promotion yet")
end

local conditions = {}
if type(status.conditions) == "table" then
  for _, condition in ipairs(status.conditions) do
    if type(condition) == "table" and type(condition.type) == "string" then
      conditions[condition.type] = condition
    end
  end
end

local found = health[status.phase]
if found == nil then
  return answer("Progressing", "this health check does not know the phase " .. status.phase)
end
-- What stands in the way has to be mended, often in Git: a sync with waves must end for that, and it does so for what is
-- Degraded only. These two end by themselves, with the launch before this one or with the next template.
if status.phase == "Blocked" and conditions.Stalled ~= nil then
  local reason = conditions.Stalled.reason
  if reason == "InFlight" or reason == "OtherRevision" then
    found = "Progressing"
  end
end
if status.phase == "DryRunComplete" and (conditions.ChecksPassed == nil or conditions.ChecksPassed.status ~= "True") then
  found = "Degraded"
end
local message = status.phase
if type(status.message) == "string" and status.message ~= "" then
  message = message .. ": " .. status.message
end
return answer(found, message)
