-- The health of a PromotionPolicy. One that cannot be read lets nothing go forward where it matches.
local function answer(status, message)
  return {status = status, message = message}
end

local status = obj.status
if type(status) ~= "table" or status.observedGeneration ~= obj.metadata.generation or type(status.conditions) ~= "table" then
  return answer("Progressing", "Slipway has not looked at this PromotionPolicy yet")
end

local accepted, matching = nil, ""
for _, condition in ipairs(status.conditions) do
  if type(condition) == "table" and condition.type == "Accepted" then
    accepted = condition
  end
  if type(condition) == "table" and condition.type == "Matching" and type(condition.message) == "string" then
    matching = condition.message
  end
end
if accepted == nil then
  return answer("Progressing", "Slipway has not looked at this PromotionPolicy yet")
end
if accepted.status ~= "True" then
  return answer("Degraded", type(accepted.message) == "string" and accepted.message or "it cannot be read")
end
return answer("Healthy", matching)
