"""The intake's speed, as ratios to pgbench in the same run: `python -m tests.benchmarks`.

On PostgreSQL, served by gunicorn sync workers, 8 clients. Yardstick: pgbench of one transaction
with `INSERT message` and `UPDATE conversation`. The bench line is fixed: evenly, 8 operators on
duty, availability checked, limit 5,000, response time 5 minutes.

T1   a custom-channel message into an open, active conversation, 10,000 of them over 8 lines
T2   a first message, stored and offered: on one line, and on 8 lines

Rounds are interleaved; the best and the median of three are printed. Every row is read back: as
many messages, offers, timers and places as must be there, or the run fails.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from tests.benchmarks import database

GOALS = {"T1": (7.0, 3.6), "T2-1": (4.0, 7.5), "T2-8": (4.0, 7.5)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=3, help="gunicorn sync workers")
    parser.add_argument("--conversations", type=int, default=10_000)
    options = parser.parse_args()

    database.prepare()  # before Django is set up: it names the database
    from tests.benchmarks import data, load, readback, statements

    print(f"preparing {options.conversations} open conversations over {data.LINES} lines ...")
    bench = data.make(conversations=options.conversations)
    print("statements per message (BEGIN, COMMIT and NOTIFY included):")
    for name, kinds in statements.count(bench).items():
        print(f"  {name}: {len(kinds)}  ({', '.join(kinds)})")

    results: dict[str, list[load.Measure]] = {name: [] for name in ("pgbench", *GOALS)}
    with load.served(workers=options.workers) as server:

        def measured(name: str, seconds: float) -> load.Measure:
            before = readback.snapshot(bench)
            measure = load.run(server, bench, name, clients=options.clients, seconds=seconds)
            readback.check(bench, name, before, answered=measure.requests)
            return measure

        print("warming up")
        for name in GOALS:
            measured(name, 1.0)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}")
            for name, measures in results.items():
                if name == "pgbench":
                    measure = database.pgbench(options.clients, options.seconds)
                else:
                    measure = measured(name, options.seconds)
                measures.append(measure)
                print(f"  {name:8} {measure}", flush=True)
    return report(results)


def report(results: dict[str, list]) -> int:
    """Print best and median, their ratio to pgbench, and whether the goals are met."""
    yardstick = {
        "best": max(m.per_second for m in results["pgbench"]),
        "median": statistics.median(m.per_second for m in results["pgbench"]),
    }
    print(f"\npgbench  best {yardstick['best']:.0f}/s  median {yardstick['median']:.0f}/s")
    met = True
    print("          req/s best/median   % of pgbench   p50/p95 ms   cpu ms web+db = all   goal")
    for name, (percent, cpu) in GOALS.items():
        runs = results[name]
        best = max(m.per_second for m in runs)
        median = statistics.median(m.per_second for m in runs)
        ratios = (100 * best / yardstick["best"], 100 * median / yardstick["median"])
        middle = sorted(runs, key=lambda m: m.per_second)[len(runs) // 2]
        ok = ratios[1] >= percent and middle.cpu_ms <= cpu
        met &= ok
        print(
            f"{name:8}  {best:6.0f} / {median:6.0f}     {ratios[0]:5.1f} / {ratios[1]:5.1f}"
            f"   {middle.p50_ms:5.1f} / {middle.p95_ms:5.1f}"
            f"   {middle.web_ms:.2f} + {middle.db_ms:.2f} = {middle.cpu_ms:.2f}"
            f"   >= {percent} %, <= {cpu} ms: {'met' if ok else 'MISSED'}"
        )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
