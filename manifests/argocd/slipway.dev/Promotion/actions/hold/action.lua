-- Nothing goes forward until an approver lifts it. Going back is not held.
local reason = actionParams and actionParams["reason"] or ""
obj.spec.hold = reason ~= "" and reason or "held in Argo CD"
return obj
