"""What `bin/chaos` prints."""

import statistics
from collections import Counter
from collections.abc import Sequence

from project.chaos.verdict import Round


def say(text: str) -> None:
    print(text, flush=True)


def tell_round(told: Round) -> None:
    faults, paths = sum(told.injected.values()), told.by_path
    healing = f"{statistics.median(told.healed):.1f} s / {max(told.healed):.1f} s" if told.healed else "never"
    say(
        f"  seed {told.seed}: {faults} faults, {len(told.committed):,} changes committed,"
        f" {sum(paths.values()):,} emitted ({paths['realtime']:,} by Realtime, {paths['sweep']:,} by the sweep;"
        f" Realtime told of {told.through_realtime:,}), {told.takeovers} takeovers,"
        f" {told.connections} reconnects, {len(told.healed)} of {told.watched} healed (median / max) {healing};"
        f" {told.seconds:.0f} s"
    )
    if not (reasons := told.reasons()):
        return
    say(f"  seed {told.seed} FAILED:")
    for reason in reasons:
        say(f"    - {reason}")
    say("  what was done:\n    " + "\n    ".join(told.history))
    say(f"  what was written: {dict(told.writes)}")
    say(f"  the logs' last lines:\n{told.log_tails}")


def tell_end(rounds: Sequence[Round]) -> None:
    injected: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    for told in rounds:
        injected += told.injected
        if not told.reasons():
            survived += told.injected
    say("\nfault                                                 injected  survived")
    for name in sorted(injected):
        say(f"{name:<54}{injected[name]:>8}  {survived[name]:>8}")
    healed = [seconds for told in rounds for seconds in told.healed]
    if healed:
        say(f"\nhealing after the storm: median {statistics.median(healed):.1f} s, max {max(healed):.1f} s")
    say("seeds: " + ", ".join(f"{told.seed} FAILED" if told.reasons() else str(told.seed) for told in rounds))
    failed = [told.seed for told in rounds if told.reasons()]
    if failed:
        say(f"a failing seed becomes a test: bin/chaos --seed {failed[0]} --minutes 2 --keep")
    say(last_line(rounds))


def last_line(rounds: Sequence[Round]) -> str:
    first, last = rounds[0].seed, rounds[-1].seed
    survived = sum(sum(told.injected.values()) for told in rounds if not told.reasons())
    figures = {
        "lost": sum(len(told.lost) for told in rounds),
        "twice": sum(len(told.twice) for told in rounds),
        "divergent": sum(len(told.divergent) for told in rounds),
    }
    failed = sum(bool(told.reasons()) for told in rounds)
    return (
        f"chaos: {'1 round' if first == last else f'{len(rounds)} rounds'},"
        f" {f'seed {first}' if first == last else f'seeds {first}–{last}'},"
        f" {survived} faults survived, {sum(len(told.committed) for told in rounds):,} changes, "
        + ", ".join(f"{number} {name}" for name, number in figures.items())
        + (f"; {failed} FAILED" if failed else "")
    )
