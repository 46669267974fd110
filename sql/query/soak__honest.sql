-- Grain: one row. Called by load.bombs: spans that the raw table holds of the honest client beside the bombs.
SELECT count() AS Spans FROM otel_traces WHERE Timestamp >= {since:DateTime64(3)} AND ServiceName = {service:String}
