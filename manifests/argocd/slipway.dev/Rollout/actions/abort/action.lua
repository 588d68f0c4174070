-- The candidate must not serve: traffic goes back to stable.
if type(obj.status) ~= "table" or type(obj.status.candidate) ~= "table" or obj.status.candidate.revision == nil then
  error("there is no candidate to abort", 0)
end
obj.spec.abort = obj.status.candidate.revision
return obj
