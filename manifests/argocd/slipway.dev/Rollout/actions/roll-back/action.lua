-- What serves must not: traffic goes back to the revision before it.
if type(obj.status) ~= "table" or type(obj.status.stable) ~= "table" or obj.status.stable.revision == nil then
  error("there is no stable revision to take back", 0)
end
obj.spec.abort = obj.status.stable.revision
return obj
