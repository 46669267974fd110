-- The mask of a log body: what varies (whatever holds a digit: numbers with their unit, hex, UUIDs, addresses, versioned names; dates in words)
-- becomes <*>, stack frames go. Three passes of RE2, about three million lines a second on two cores (benchmarks/templates.py).
-- Called by log_templates, and by whoever wants the template of a raw line: cityHash64(otel_pipeline_mask_v1(Body)) = log_template_masks.MaskHash.
-- Changed rules get a new name (v2) beside this one, so that stored mask hashes keep their meaning.
CREATE OR REPLACE FUNCTION otel_pipeline_mask_v1 ${ON_CLUSTER} AS (body) ->
    replaceRegexpAll(
        replaceRegexpAll(
            replaceRegexpAll(substring(body, 1, 2000), '\\n[ \\t]+(?:at |File |\\.\\.\\. )[^\\n]*', ''),
            '\\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?(?:[0-9]+ )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* +[0-9]+(?:,? +[0-9]+:[0-9]+:[0-9]+)?(?: +[A-Z]{3,4})?(?: +[0-9]+)?',
            '<*>'
        ),
        '(?:[A-Za-z_]+[./@-])*[A-Za-z_]*[0-9]\\w*(?:[./@-]\\w+)*(?: ?(?:[KMGT]i?B|B)\\b)?',
        '<*>'
    )
