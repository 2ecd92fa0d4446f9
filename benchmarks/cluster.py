"""What a cluster costs and gains: one class, graded here and by the workers of a Dask cluster beside it.

    python benchmarks/cluster.py [--lesson 02_explicit_addition] [--class 60]

Workers are programs of their own, with one thread each, as they are on other machines; here they share its
cores, so two of them gain no more than two jobs do. The writer's ceiling is the processor time of the one
thread that writes: no cluster is faster than that.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from distributed import LocalCluster
from grading import forget, grade, hand_in, make_ours, make_stock, timed, variants, writers_share


def measure(folder: Path, lesson: str, size: int) -> None:
    stock, ours = folder / "stock", folder / "ours"
    make_stock(stock, lesson)
    make_ours(ours, lesson)
    made = variants(stock, lesson)
    show = partial(print, flush=True)
    hand_in(ours, lesson, made, 2)
    timed(grade(lesson, 1), ours)  # makes the keys, as the first run of a course does

    def run(what: str, command: list[str]) -> float:
        forget(ours)
        hand_in(ours, lesson, made, size)
        seconds = timed(command, ours).seconds
        told = sorted(json.loads((ours / ".course" / "seconds.json").read_text()).values())
        judged = f"{1000 * told[len(told) // 2]:.0f} of them judging"
        show(f"{what:<28}{seconds:7.1f} s, {1000 * seconds / size:6.0f} ms a submission, {judged}")
        return seconds

    show(f"{lesson}: {size} submissions, with feedback pages; start-up is in all of these")
    plain = {jobs: run(f"here, {jobs} at a time", grade(lesson, jobs)) for jobs in (1, 2)}
    for workers in (1, 2):
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
            far = [
                sys.executable,
                "-m",
                "autograder",
                "grade",
                lesson,
                "--scheduler",
                cluster.scheduler_address,
            ]
            seconds = run(f"{workers} workers", far)
        show(f"  ratio to {workers} at a time here: {seconds / plain[workers]:.2f}")

    share = writers_share(ours, pages=True), writers_share(ours, pages=False)
    show("the writer: {:.0f} ms a submission, {:.0f} without pages".format(*(1000 * one for one in share)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lesson", default="02_explicit_addition")
    parser.add_argument("--class", dest="size", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-benchmark-") as made_in:
        measure(Path(made_in), options.lesson, options.size)


if __name__ == "__main__":
    main()
