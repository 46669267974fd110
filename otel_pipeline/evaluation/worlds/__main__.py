"""``python -m otel_pipeline.evaluation.worlds --seed N --out DIR``: write one world."""

from pathlib import Path

import click

from otel_pipeline.evaluation.worlds.write import generate


@click.command()
@click.option("--seed", type=int, required=True, help="0 to 99 for development; from 1000 on for judging only.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--reference", is_flag=True, help="Write reference.json: the first twelve minutes are known to be quiet.")
def main(seed: int, out: Path, reference: bool) -> None:
    """Write the labelled folder of a made-up system."""
    world = generate(seed, out, reference)["world"]
    click.echo(f"{out}: {world['traces']:,} traces, {world['spans']:,} spans, {world['log_lines']:,} log lines")


if __name__ == "__main__":
    main()
