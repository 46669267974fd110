"""Templates, vectors and patterns end when they were not seen for long; what is in use, or what people said, stays."""

from datetime import UTC, datetime, timedelta

from otel_pipeline import end_of_life
from otel_pipeline.clickhouse import Database

LONG_AGO = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=400)
NOW = datetime.now(UTC).replace(tzinfo=None)


def test_what_is_not_seen_ends(database: Database) -> None:
    for number, (seen, hash_) in enumerate(((LONG_AGO, 1), (NOW, 2)), 1):
        template = [number, f"text {number}", hash_, seen, seen]
        database.insert("log_templates", [template], ["TemplateId", "Text", "TextHash", "FirstSeen", "LastSeen"])
        database.insert("log_template_texts", [[number, f"text {number}"]], ["TemplateId", "Text"])
        database.insert(
            "log_template_masks", [[number, number, "m", LONG_AGO]], ["MaskHash", "TemplateId", "Mask", "CreatedAt"]
        )
    # 3: of nothing any more; 4: of nothing yet; 5: of a pattern.
    columns = ["Model", "TextHash", "Kind", "Text", "Vector", "Dimensions", "CreatedAt"]
    text = "of a pattern"
    hashed = database.client.query("SELECT cityHash64({t:String})", parameters={"t": text}).result_rows[0][0]
    for hash_, made in ((1, LONG_AGO), (2, LONG_AGO), (3, LONG_AGO), (4, NOW), (hashed, LONG_AGO)):
        database.insert("embeddings", [["m", hash_, "k", "x", [1.0], 1, made]], columns)
    for status, seen in (("suspected", LONG_AGO), ("rejected", LONG_AGO), ("confirmed", LONG_AGO), ("suspected", NOW)):
        database.client.command(
            "INSERT INTO error_patterns (pattern_id, error_signature, Status, last_seen, EmbeddedText)"
            " VALUES (generateUUIDv4(), {s:String}, {s:String}, {t:DateTime64(3)}, {e:String})",
            parameters={"s": status, "t": seen, "e": text},
        )

    due = end_of_life.delete(database)
    assert due == {"log_templates": 1, "embeddings": 2, "error_patterns": 2}

    def column(sql: str) -> list:
        return [row[0] for row in database.client.query(sql).result_rows]

    for table in ("log_templates", "log_template_texts", "log_template_masks"):
        assert column(f"SELECT TemplateId FROM {table}") == [2], table
    assert set(column("SELECT TextHash FROM embeddings")) == {2, 4, hashed}
    assert sorted(column("SELECT toString(Status) FROM error_patterns")) == ["confirmed", "suspected"]
    assert end_of_life.delete(database) == {"log_templates": 0, "embeddings": 0, "error_patterns": 0}
