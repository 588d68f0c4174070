-- The health of a Rollout. Only the base library of Lua is there, and an error would show as Unknown: whatever is not
-- what the operator writes is Progressing.
local health = {
  Invalid = "Degraded",
  RollingBack = "Progressing",
  Held = "Suspended",
  AwaitingApproval = "Suspended",
  Shifting = "Progressing",
  Verifying = "Progressing",
  Deploying = "Progressing",
  AwaitingPromotion = "Suspended",
  RolledBack = "Degraded",
  Degraded = "Degraded",
  Watching = "Healthy",
  Healthy = "Healthy",
}

local function answer(status, message)
  return {status = status, message = message}
end

local status = obj.status
if type(status) ~= "table" or type(status.phase) ~= "string" or status.phase == "" then
  return answer("Progressing", "Slipway has not looked at this Rollout yet")
end
if status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "Slipway has not looked at the last change of this Rollout yet")
end

local found = health[status.phase]
if found == nil then
  return answer("Progressing", "this health check does not know the phase " .. status.phase)
end
local message = status.phase
if type(status.message) == "string" and status.message ~= "" then
  message = message .. ": " .. status.message
end
return answer(found, message)
