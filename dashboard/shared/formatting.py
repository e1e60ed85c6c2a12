"""Numbers in readable form: durations, sizes, shares, times."""

import re
from datetime import UTC, datetime
from math import isfinite
from zoneinfo import ZoneInfo

from dashboard.shared.language import LANGUAGES, current, tr
from vggcore.answers.scores import wilson_interval

_MANY = 1_000  # pictures: with fewer, chance moves an accuracy by several per cent


def duration(seconds: float | None) -> str:
    """`75` → "1 min 15 s"; an empty string for None."""
    if seconds is None or not isfinite(seconds):
        return ""
    if seconds < 10:
        return tr("{seconds:.1f} s", seconds=seconds)
    seconds = round(seconds)
    if seconds < 60:
        return tr("{seconds} s", seconds=seconds)
    if seconds < 3600:
        return tr("{minutes} min {seconds:02d} s", minutes=seconds // 60, seconds=seconds % 60)
    return tr("{hours} h {minutes:02d} min", hours=seconds // 3600, minutes=seconds % 3600 // 60)


def rough_duration(seconds: float) -> str:
    """For estimates: `75` → "1 min", `5400` → "1.5 h"."""
    if seconds < 45:
        return tr("{seconds} s", seconds=max(5, 5 * round(seconds / 5)))
    if seconds < 5_400:
        return tr("{minutes} min", minutes=max(1, round(seconds / 60)))
    return tr("{hours:.1f} h", hours=seconds / 3_600)


def size(n_bytes: float | None) -> str:
    """`5_400_000` → "5.4 MB"; an empty string for None."""
    if n_bytes is None or n_bytes != n_bytes:
        return ""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= 0.9995 * scale:  # 999.9 MB are rounded to 1 GB
            number = n_bytes / scale
            return f"{number:.3g} {unit}" if number < 999.5 else f"{number:.0f} {unit}"
    return f"{n_bytes:.0f} B"


def count(number: float) -> str:
    """A large number in words: `1_328_000` → "1.3 million"; Chinese counts in 10⁴ and 10⁸."""
    for name, scale in LANGUAGES[current()].powers.items():
        if number >= scale:
            return f"{float(f'{number / scale:.{3 if number >= 100 * scale else 2}g}'):,g} {name}"
    return f"{number:,.0f}"


def share(value: float | None) -> str:
    """`0.9354` → "93.5 %"; a dash if there is none yet."""
    return "–" if value is None or value != value else f"{100 * value:.1f} %"


def measured_on(accuracy: float | None, pictures: float | None) -> str | None:
    """Of how many pictures an accuracy is; with fewer than 1,000, the interval it leaves open.

    None if either is not known.
    """
    if accuracy is None or accuracy != accuracy or not pictures or pictures != pictures:
        return None
    pictures = int(pictures)  # pandas has floating-point numbers where some are missing
    if pictures >= _MANY:
        return tr("of {pictures:,}", pictures=pictures)
    low, high = wilson_interval(round(accuracy * pictures), pictures)
    return tr(
        "of {pictures}; 95 %: {low:.1f} to {high:.1f} %",
        pictures=pictures,
        low=100 * low,
        high=100 * high,
    )


def measured(accuracy: float | None, pictures: float | None) -> str:
    """`share` and `measured_on` in one: "93.1 % of 10,000"."""
    return " ".join(filter(None, (share(accuracy), measured_on(accuracy, pictures))))


def spread(measured) -> str:
    """A `runs.groups.Spread` of shares: "93.5 ± 0.2 %"; a dash if there is none yet."""
    if measured.deviation is None:
        return share(measured.mean)
    return f"{100 * measured.mean:.1f} ± {100 * measured.deviation:.1f} %"


def moment(text: str, timezone: str | None) -> str:
    """An ISO 8601 time on the visitor's clock, or with "UTC" if the time zone is not known.

    Empty if it is not a time.
    """
    try:
        at = datetime.fromisoformat(text)
        local = at.astimezone(ZoneInfo(timezone) if timezone else UTC)
    except (ValueError, KeyError, OSError, OverflowError):  # damaged; an unknown time zone
        return ""
    return f"{local:%Y-%m-%d %H:%M}" + ("" if timezone else " UTC")


def plain(text: str) -> str:
    """`text` escaped so that Streamlit's Markdown shows it literally."""
    return "".join("\\" + c if c in "\\`*_{}[]()<>#+-.!|~$:&@^" else c for c in str(text))


def basis(text: str) -> str:
    """The basis of a time estimate, in the visitor's language."""
    measured = "this machine, measured "
    if text.startswith(measured):
        return tr("this machine, measured {day}", day=text.removeprefix(measured))
    return tr(text)


def sentence(text: str) -> str:
    """With a capital first letter if it starts with a word, not with a name such as cuda:1.

    `str.capitalize` would make the other letters lower case.
    """
    return text[:1].upper() + text[1:] if re.match(r"[^\W\d_]+([ ,;.]|$)", text) else text
