-- How many lines a sender had delivered before: they count once, and the check that no line is lost adds them again.
ALTER TABLE log_template_minutes ${ON_CLUSTER} ADD COLUMN IF NOT EXISTS Repeated UInt64 DEFAULT 0 COMMENT 'Lines that were delivered again, in no count'
