-- Ends it; traffic goes back if it had moved.
local reason = actionParams and actionParams["reason"] or ""
obj.spec.abort = reason ~= "" and reason or "aborted in Argo CD"
return obj
