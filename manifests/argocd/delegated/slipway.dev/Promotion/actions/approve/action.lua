-- As `kubectl patch`: admission asks whether Argo CD's account may, and writes it down beside the plan of that moment.
obj.spec.approved = true
return obj
