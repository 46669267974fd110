-- Status of a remote procedure call in words, as of gRPC ('UNAVAILABLE'), '' without one: number or word, old name or new.
-- Source of the numbers: https://grpc.io/docs/guides/status-codes. Called by otel_pipeline_failed_v1 and otel_pipeline_error_type_v1.
CREATE OR REPLACE FUNCTION otel_pipeline_rpc_status_v1 ${ON_CLUSTER} AS (attributes) ->
    transform(
        upper(if(attributes['rpc.grpc.status_code'] != '', attributes['rpc.grpc.status_code'], attributes['rpc.response.status_code'])),
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16'],
        ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
        'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
        upper(if(attributes['rpc.grpc.status_code'] != '', attributes['rpc.grpc.status_code'], attributes['rpc.response.status_code']))
    )
