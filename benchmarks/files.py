"""Every file of a folder of real files, by the reader of its kind: what was read, or the reason why it is refused.

    RHEOBASE_DATA=... python -m benchmarks.files [--json out.json]

Reads files_for_readers/ (recordings, events, series, sounds) and event_file_samples/, and prints a table in Markdown.
Nothing but a refusal in one sentence counts as refused: another failure of a reader ends the command. That what is read
are the true values is tested (tests/data, tests/recordings), against what other packages and own decoders established.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import write_results
from benchmarks.options import parsed, parser, say
from rheobase.data import Reading
from rheobase.data.formats.audio_file import read_audio
from rheobase.data.formats.event_file import read_event_file
from rheobase.data.sets.series import read_series
from rheobase.errors import RheobaseError
from rheobase.recordings import read

RECORDINGS = ("abf", "atf", "ibw", "nwb", "wavesurfer", "wcp")
# what a person knows of a file that does not say it
TOLD: dict[str, dict[str, Any]] = {
    "events/TranslatingBarX.aedat": {"sensor": "davis240"},
    "events/sample_events.csv": {"columns": {"x": "0", "y": "1", "t": "2", "p": "3"}},
    "ibw/B6_Ch3_IDRest_181.ibw": {"current": "B6_Ch0_IDRest_181.ibw"},
}


def events(path: Path, **told: Any) -> str:
    """What an event file holds."""
    found = read_event_file(path, **told)
    where = "camera not said" if found.size is None else f"{found.size[0]}x{found.size[1]} pixels"
    span = f" in {(int(found.t.max()) - int(found.t.min())) / 1000:.6g} ms" if len(found) else ""
    return f"{len(found)} events{span}, {where}" + "".join(f"; {note}" for note in found.notes)


def series(path: Path) -> str:
    """What a file of series holds."""
    found = read_series(path, Reading())
    lengths = sorted({len(one) for one in found.series})
    steps = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    return (
        f"{len(found.series)} series of {steps} steps, {len(found.channels)} channels, {len(set(found.labels))} classes"
    )


def sounds(path: Path) -> str:
    """What an audio file holds."""
    found = read_audio(path)
    return f"{found.samples.shape[0]} samples of {found.samples.shape[1]} channels, {found.rate} Hz"


def recordings(path: Path, **told: Any) -> str:
    """What a recording of a cell holds."""
    found = read(path, **{name: path.with_name(value) for name, value in told.items()})
    return f"{len(found.sweeps)} sweeps; {found.sweeps[0].source}"


READERS: dict[str, Callable[..., str]] = {
    **dict.fromkeys(RECORDINGS, recordings),
    "events": events,
    "timeseries": series,
    "wav": sounds,
}


def looked_at(path: Path, kind: str) -> dict[str, str]:
    """One row of the table."""
    name = f"{path.parent.name}/{path.name}"
    told = TOLD.get(name, {})
    row = {"file": name, "told": ", ".join(f"{key} {_said(value)}" for key, value in told.items())}
    try:
        return {**row, "outcome": "read", "what": READERS[kind](path, **told)}
    except RheobaseError as error:
        return {**row, "outcome": "refused", "what": f"{error.given}: {error.remedy}"}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(f"{key}={name}" for key, name in value.items())


def table() -> list[dict[str, str]]:
    """All files, sorted by kind and name."""
    data = Path(os.environ["RHEOBASE_DATA"])
    found = [(path, kind) for kind in READERS for path in sorted((data / "files_for_readers" / kind).iterdir())]
    found += [(path, "events") for path in sorted((data / "event_file_samples").iterdir())]
    return [looked_at(path, kind) for path, kind in found]


def main() -> None:
    options = parsed(parser(__doc__))
    rows = table()
    say("| file | outcome | what was read, or what the reader refused |\n|---|---|---|")
    for row in rows:
        told = f" (told {row['told']})" if row["told"] else ""
        say(f"| `{row['file']}`{told} | {row['outcome']} | {row['what'].replace('|', '/')} |")
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in ("read", "refused")}
    say(f"{counts['read']} read, {counts['refused']} refused, of {len(rows)}")
    if options.json is not None:
        write_results(options.json, {"name": "files", "counts": counts, "files": rows})


if __name__ == "__main__":
    main()
