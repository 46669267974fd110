-- Grain: none. Called by detection.names: spans of services and operations beyond the budget go under one name. Memory tables change at once.
ALTER TABLE {spans:Identifier}
UPDATE
    Service = if(Service IN (SELECT Service FROM {kept:Identifier}), Service, {other:String}),
    Operation = {other:String}
WHERE (Service, Operation) NOT IN (SELECT Service, Operation FROM {kept:Identifier})
SETTINGS mutations_sync = 1
