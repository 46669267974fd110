-- In what a service's calls differ from the usual ones, in words: an array of (words, times, usual times), times for each time that it was entered.
-- children, usual: arrays of (name, times). At most three; where there is no difference in kind, that they came together so. Called by anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_differences_v1 ${ON_CLUSTER} AS (children, usual) ->
    arraySlice(arrayMap(
        found -> if(empty(found), [('calls in an unusual combination', 1., 1.)], found),
        [arrayConcat(
            arrayMap(
                u -> (concat('missing: ', u.1), 0., toFloat64(u.2)),
                arrayFilter(u -> NOT arrayExists(c -> c.1 = u.1, children), usual)
            ),
            arrayMap(
                c -> (
                    concat(multiIf(c.3 = 0, 'not usual: ', c.2 > c.3, 'more than usual: ', 'fewer than usual: '), c.1), toFloat64(c.2), toFloat64(c.3)
                ),
                arrayFilter(c -> c.2 != c.3, arrayMap(c -> (c.1, c.2, arraySum(u -> if(u.1 = c.1, u.2, 0), usual)), children))
            )
        )]
    )[1], 1, 3)
