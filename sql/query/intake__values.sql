-- Grain: none, a fragment: the lambdas with which every intake__insert_*.sql begins. Called by otel_pipeline/intake/statements.py.
-- An OTLP AnyValue becomes the text that the Collector's clickhouse exporter stores (pcommon.Value.AsString):
--   number: a double as Go prints it in JSON       quoted: a JSON string; the engine writes \u000B where Go writes \u000b
--   scalar: a value inside a JSON array or object  lasting: an object's pairs by key, the last of equal keys
--   document: an array or object as JSON; '' with NaN or infinity inside, which Go cannot marshal
--   plain: a value that is neither array nor object  text: any value
--   attributes: Array(KeyValue) as Map(String, String), by the one or the other
WITH
    (x -> multiIf(isNaN(x), 'json: unsupported value: NaN',
                  isInfinite(x), if(x > 0, 'json: unsupported value: +Inf', 'json: unsupported value: -Inf'),
                  abs(x) >= 1e21, replaceOne(toString(x), 'e', 'e+'),
                  toString(x))) AS number,
    (s -> if(match(s, '[\\x0b\\x0e\\x0f\\x1a-\\x1f]'),
             concat('"', arrayStringConcat(arrayMap(
                 run -> if(length(run) = 1 AND run < ' ', concat('\\u00', lower(hex(run))), substring(toJSONString(run), 2, -1)),
                 extractAll(s, '[\\x0b\\x0e\\x0f\\x1a-\\x1f]|[^\\x0b\\x0e\\x0f\\x1a-\\x1f]+'))), '"'),
             toJSONString(s))) AS quoted,
    (v -> multiIf(v.string_value IS NOT NULL, quoted(assumeNotNull(v.string_value)),
                  v.int_value IS NOT NULL, toString(assumeNotNull(v.int_value)),
                  v.bool_value IS NOT NULL, toString(assumeNotNull(v.bool_value)),
                  v.double_value IS NOT NULL, number(assumeNotNull(v.double_value)),
                  notEmpty(ifNull(v.bytes_value, '')), concat('"', base64Encode(assumeNotNull(v.bytes_value)), '"'),
                  'null')) AS scalar,
    (list -> arraySort(entry -> entry.key, arrayFilter((member, place) -> NOT has(arraySlice(list.key, place + 1), member.key),
                                                       list, arrayEnumerate(list)))) AS lasting,
    ((members, keys) -> multiIf(arrayExists(member -> startsWith(member, 'json:'), members), '',
                                empty(keys), concat('[', arrayStringConcat(members, ','), ']'),
                                concat('{', arrayStringConcat(arrayMap((key, member) -> concat(quoted(key), ':', member), keys, members), ','), '}'))) AS document,
    (v -> multiIf(v.string_value IS NOT NULL, assumeNotNull(v.string_value),
                  v.int_value IS NOT NULL, toString(assumeNotNull(v.int_value)),
                  v.bool_value IS NOT NULL, toString(assumeNotNull(v.bool_value)),
                  v.double_value IS NOT NULL, number(assumeNotNull(v.double_value)),
                  v.bytes_value IS NOT NULL, base64Encode(assumeNotNull(v.bytes_value)),
                  '')) AS plain,
    (v -> if(notEmpty(v.array_value.values) OR notEmpty(v.kvlist_value.values),
             document(arrayMap(item -> scalar(item), arrayConcat(v.array_value.values, lasting(v.kvlist_value.values).value)),
                      lasting(v.kvlist_value.values).key),
             plain(v))) AS text,
    (pairs -> mapFromArrays(arrayMap(pair -> pair.key, pairs), arrayMap(pair -> ${TEXT}(pair.value), pairs))) AS attributes,
    (id -> if(id IN ('\0\0\0\0\0\0\0\0', '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'), '', lower(hex(id)))) AS hex_id,
    (ns -> fromUnixTimestamp64Nano(reinterpretAsInt64(ns), 'UTC')) AS instant
