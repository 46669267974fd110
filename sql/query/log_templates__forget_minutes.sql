-- Called by log_templates: take minutes that have been counted again out of a staging table of the form of log_template_minutes.
DELETE FROM {stage:Identifier} WHERE Minute IN {minutes:Array(DateTime)}
