"""What the demo shows: a table that is redrawn in place, or plain lines where nobody watches a terminal."""

import dataclasses
import shutil
import sys
import time

DONE, BAD, QUIET, BUSY = "32", "31", "90", "36"  # ANSI colours
COLOURS = {
    "succeeded": DONE, "failed": BAD, "rolled_back": BAD, "expired": BAD, "cancelled": BAD,
    "incompatible": QUIET, "idle": QUIET, "scheduled": QUIET, "waiting_window": QUIET,
}
MARKS = {"succeeded": "✔", "failed": "✘", "rolled_back": "✘", "expired": "✘", "incompatible": "–"}


@dataclasses.dataclass
class Row:
    name: str
    type: str
    running: str = ""
    state: str = "idle"
    reason: str = ""
    bytes: int = 0
    total: int = 0
    attempts: int = 0


@dataclasses.dataclass
class Site:
    name: str
    delivery: str
    rows: list
    fetched: int = 0  # artifact bytes that came over the WAN
    needed: int = 0
    rate: float = 0.0  # measured, bytes per second
    limit: int = 0
    note: str = ""


def megabytes(count):
    return f"{count / 1e6:.1f}"


def bar(part, whole, width):
    filled = 0 if whole <= 0 else max(0, min(width, round(width * part / whole)))
    return "█" * filled + "░" * (width - filled)


def fit(text, width):
    """A cell of a table: with a blank behind it, so that two of them never touch; of no width nothing is left."""
    if width < 2:
        return " " * max(0, width)
    return (text[: width - 2] + "… " if len(text) > width - 1 else text.ljust(width))


NAME, STATE, BAR = 12, 18, 13


def widths(columns):
    """Of a row's type, running version, progress and reason. A narrow terminal loses them in this order: type, progress, running."""
    left = max(0, columns - 2 - NAME - STATE)
    type_ = 13 if left >= 13 + 20 + BAR + 14 else 0
    progress = BAR if left >= 20 + BAR + 12 else 0
    left -= type_ + progress
    running = max(0, min(34, left - 15)) if left >= 12 + 15 else 0
    return type_, running, progress, left - running


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Table:
    """For a terminal: drawn in its alternate screen, which is given back by close()."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.start = time.monotonic()
        self.out.write("\x1b[?1049h\x1b[?25l")

    def lines(self, sites, headline, columns, colour=True):
        def paint(code, text):
            return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text

        def line(text, code=None):
            return paint(code, text[:columns])

        yield line(f"Dray demo  {clock(time.monotonic() - self.start)}  {headline}", "1")
        type_, running, progress, reason = widths(columns)
        for site in sites:
            yield ""
            head = (f"{site.name} ({site.delivery})  WAN {bar(site.fetched, site.needed, 24 if columns >= 100 else 10)} "
                    f"{megabytes(site.fetched)} of {megabytes(site.needed)} MB at {megabytes(site.rate)} MB/s "
                    f"(line: {megabytes(site.limit)})")
            beside = len(head) + 2 + len(site.note) <= columns
            yield line(f"{head}  {site.note}".rstrip() if beside else head, "1;34")
            if not beside:
                yield line(f"  {site.note}", "1;34")
            for row in site.rows:
                done = bar(row.bytes, row.total, BAR - 1) if row.total else ""
                state = f"{MARKS.get(row.state, '·')} {row.state}"
                why = row.reason + (f" (try {row.attempts})" if row.attempts > 1 else "")
                room = max(0, columns - 2 - NAME)
                yield ("  " + fit(row.name, NAME) + fit(row.type, type_) + fit(row.running, running)
                       + paint(COLOURS.get(row.state, BUSY), fit(state, min(STATE, room)))
                       + fit(done, progress) + fit(why, reason)).rstrip()

    def draw(self, sites, headline):
        columns, rows = shutil.get_terminal_size((120, 40))
        lines = list(self.lines(sites, headline, columns))[: rows - 1]
        self.out.write("\x1b[H" + "".join(text + "\x1b[K\r\n" for text in lines) + "\x1b[J")
        self.out.flush()

    def close(self, sites, headline):
        self.out.write("\x1b[?25h\x1b[?1049l")
        columns, _ = shutil.get_terminal_size((120, 40))
        print("\n".join(self.lines(sites, headline, columns, self.out.isatty())), file=self.out, flush=True)


class Lines:
    """For a log: a line for every change of a device's state or reason."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.start = time.monotonic()
        self.seen = {}

    def draw(self, sites, headline):
        for site in sites:
            note = "" if site.note.endswith(" s") else site.note  # no countdowns in a log
            if self.seen.get(site.name, "") != note:
                self.seen[site.name] = note
                print(f"{clock(time.monotonic() - self.start)} {site.name}: {note}", file=self.out, flush=True)
            for row in site.rows:
                now = (row.state, row.reason, row.attempts, row.running)
                if self.seen.get(row.name) != now:
                    self.seen[row.name] = now
                    tries = f" try {row.attempts}" if row.attempts > 1 else ""
                    why = f" ({row.reason})" if row.reason else ""
                    print(f"{clock(time.monotonic() - self.start)} {row.name}: {row.state}{why}{tries} runs {row.running}",
                          file=self.out, flush=True)

    def close(self, sites, headline):
        self.draw(sites, headline)
        print(f"{clock(time.monotonic() - self.start)} {headline}", file=self.out, flush=True)
