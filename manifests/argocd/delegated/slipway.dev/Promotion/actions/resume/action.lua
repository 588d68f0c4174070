-- Lifts what holds it.
obj.spec.hold = nil
obj.spec.rollbackPlanNeeded = nil
return obj
