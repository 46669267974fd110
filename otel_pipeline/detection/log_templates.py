"""Every log line gets its template: masked and counted in the engine, merged on the distinct few here.

One pass over the hour's lines turns bodies into masks and counts them by the minute. Masks never met before (a handful
an hour) come to Python, find their template by :mod:`otel_pipeline.detection.drain`, and are remembered for ever.
Counts by template then replace the partition of the hour: materialising again gives the same rows. Complete, not
sampled.
"""

from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import drain, lineage
from otel_pipeline.detection.model import HOUR, StepReport
from otel_pipeline.detection.staging import amending_partition, replacing_partition, scratch

# Version of the rules by which masks become templates; the mask itself is otel_pipeline_mask_v1.
MASK_VERSION = 2


def materialize(db: Database, hour: datetime, *, whole: bool = True) -> StepReport:
    """Count the templates of the lines of the hour; replaces the hour's partition of log_template_counts.

    New masks are given ids in the order in which hours are materialised, so two hours should not be materialised at
    the same moment.

    :param hour: start of the hour, UTC.
    :param whole: count all minutes of the hour, not only those for which lines have arrived since the last run.
    """
    changes = lineage.changes(db, hour, whole=whole)
    new_masks = changed = 0
    if changes.whole or changes.lines_within(hour):
        new_masks, changed = _count(db, hour, changes)
        db.run("log_templates__catalogue", hour=hour)
    figures = db.one("log_templates__report", hour=hour)
    return StepReport(
        rows=figures["lines"],
        metrics={**figures, "new_masks": new_masks, "new_or_changed_templates": changed},
        tables={"new": db.rows("log_templates__new", hour=hour), "most": db.rows("log_templates__most", hour=hour)},
    )


def _count(db: Database, hour: datetime, changes: lineage.Changes) -> tuple[int, int]:
    minutes = changes.lines_within(hour)
    with scratch(db, 1) as (masked,):
        where = {"start": hour, "end": hour + HOUR, "whole": changes.whole, "minutes": minutes}
        db.run("log_templates__mask", stage=masked, **where)
        learned = learn(db, masked)
        writing = replacing_partition if changes.whole else amending_partition
        with writing(db, "log_template_minutes", hour) as stage:
            if not changes.whole:
                db.run("log_templates__forget_minutes", stage=stage, minutes=minutes)
            db.run("log_templates__minutes", stage=stage, masked=masked)
    with replacing_partition(db, "log_template_counts", hour) as stage:
        db.run("log_templates__count", stage=stage, hour=hour)
    return learned


def learn(db: Database, masked: str) -> tuple[int, int]:
    """Give templates to the masks of a staging table that have none.

    Texts beyond the budget of a run (a flood of them) have no template of their own: those of a service are one, ``<other>``.

    :param masked: table with MaskHash, Mask, ServiceName and Count.
    :returns: number of new masks; number of templates that are new or whose text became more general.
    """
    unknown = db.rows("log_templates__unknown", stage=masked)
    if not unknown:
        return 0, 0
    known = [drain.Template(row["TemplateId"], row["Text"], row["Revision"]) for row in db.rows("log_templates__known")]
    masks = {row["MaskHash"]: row["Mask"] for row in unknown}
    found, templates = drain.merge(known, [drain.Mask(number, text) for number, text in masks.items()])
    for row in unknown:
        if row["MaskHash"] not in found:
            found[row["MaskHash"]] = row["Other"]
            masks[row["MaskHash"]] = ""
    named = {template.id for template in known} | {template.id for template in templates}
    others = sorted(set(found.values()) - named)
    templates += [drain.Template(number, drain.OTHER) for number in others]
    # Texts before masks: killed in between, the next run finds the same templates again.
    db.insert(
        "log_template_texts",
        [[template.id, template.text, template.revision, MASK_VERSION] for template in templates],
        ["TemplateId", "Text", "Revision", "MaskVersion"],
    )
    db.insert(
        "log_template_masks",
        [[number, template, masks[number], MASK_VERSION] for number, template in found.items()],
        ["MaskHash", "TemplateId", "Mask", "MaskVersion"],
    )
    return len(masks), len(templates)
