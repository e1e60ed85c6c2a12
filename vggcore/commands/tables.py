"""Tables to download: variants side by side, and any table as text, CSV, Markdown or LaTeX."""

from dataclasses import replace

import pandas as pd

from vggcore import runs
from vggcore.data.raw_files import COUNTS
from vggcore.model import anatomy, checkpoints
from vggcore.model.architectures import IMAGENET_ERRORS, VGGSpec

FORMATS = ("table", "csv", "markdown", "latex")


# Fashion-MNIST test accuracies with their parameter counts. Sources: the data set's own benchmark
# page; Nøkland & Eidnes, arXiv 1901.06656, Table 1; the tutorial that the preset repeats.
PUBLISHED_GARMENT_ACCURACY = (
    ("VGG-16, no preprocessing", 26_000_000, 0.935),
    ("VGG8b", 7_300_000, 0.9547),
    ("VGG8b ×2, cutout", 28_000_000, 0.9586),
    ("tutorial: VGG-11 ×1/8", 2_018_346, 0.918),
)


def garment_accuracies() -> pd.DataFrame:
    """Fashion-MNIST test accuracies: published ones, and those of our checkpoints and runs.

    Columns name, parameters, accuracy (0 to 1), test_images (NaN if not known), source ("published"
    or "this machine"), spec (VGGSpec, or None for published ones; with the usual dropout, which
    changes no layer). Damaged cards are left out.
    """
    rows: list[tuple] = [
        (*known, COUNTS["test"], "published", None) for known in PUBLISHED_GARMENT_ACCURACY
    ]
    for name in runs.trained_networks():
        try:
            card = checkpoints.read_card(name)
        except ValueError:
            continue
        if card.data.on_garments and card.test_accuracy is not None:
            parameters = anatomy.totals(card.spec).parameters
            spec = replace(card.spec, dropout=VGGSpec.dropout)
            tested = (card.test_accuracy, card.test_images)
            rows.append((name, parameters, *tested, "this machine", spec))
    columns = ["name", "parameters", "accuracy", "test_images", "source", "spec"]
    return pd.DataFrame(rows, columns=columns)


def variants(specs: list[VGGSpec]) -> pd.DataFrame:
    """One row per network: the fields of `anatomy.Totals`, published errors and checked counts.

    `top-1 error, %` and `top-5 error, %` are the paper's, on ImageNet, at the only scale that it
    gives for all six (training side 256); NaN for networks that are not the paper's.
    `published` names the sources that our parameter count was checked against.
    """
    errors = {e.configuration: e for e in IMAGENET_ERRORS if e.train_scale == "256"}
    rows = []
    for spec in specs:
        error = errors.get(spec.configuration) if anatomy.is_the_papers(spec) else None
        rows.append(
            anatomy.totals(spec)._asdict()
            | {
                "top-1 error, %": error.top1 if error else float("nan"),
                "top-5 error, %": error.top5 if error else float("nan"),
                "published": checks_text(spec),
            }
        )
    return pd.DataFrame(rows)


def checks_text(spec: VGGSpec) -> str:
    """ "✓ paper 138 million, ✓ torchvision 138,357,544"; empty where nothing was published."""
    return ", ".join(
        f"{'✓' if check.agrees else '✗'} {check.source} {check.published}"
        for check in anatomy.published_checks(spec)
    )


# Long names and exact counts are for programs; people want fewer columns and larger units.
_FOR_PEOPLE = {
    "macs": ("GMAC", 1e9),
    "macs_a": ("GMAC a", 1e9),
    "macs_b": ("GMAC b", 1e9),
    "activation_bytes": ("activations MB", 1e6),
    "parameter_bytes": ("weights MB", 1e6),
    "parameter_share": ("% parameters", 0.01),
    "mac_share": ("% MACs", 0.01),
}
_LEFT_OUT = {
    "flops",
    "configuration",
    "conv_parameters",
    "norm_parameters",
    "fc_parameters",
    "features",
    "block",
    "input_shape",
    "parameter_bytes",
    "parameters_a",
    "parameters_b",
    "macs_a",
    "macs_b",
}


def for_people(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with the useful columns that fit a terminal, in GMAC, MB, per cent."""
    columns = {}
    for name in table.columns:
        if name not in _LEFT_OUT and table[name].replace("", pd.NA).notna().any():
            heading, unit = _FOR_PEOPLE.get(name, (name.replace("_", " "), None))
            columns[heading] = table[name] if unit is None else table[name] / unit
    return pd.DataFrame(columns)


def render(table: pd.DataFrame, style: str) -> str:
    """`table` as "table" (aligned text), "csv", "markdown" or "latex", ending in a newline."""
    if style == "csv":
        return table.map(_joined).to_csv(index=False, lineterminator="\n")
    header = [str(column) for column in table.columns]
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    numeric = [_is_numeric(table[column]) for column in table.columns]
    return {"table": _text, "markdown": _markdown, "latex": _latex}[style](header, rows, numeric)


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column)


def _joined(value):
    """A shape as one word: (1, 64, 7, 7) → "1×64×7×7"."""
    return "×".join(map(str, value)) if isinstance(value, tuple) else value


def _cell(value) -> str:
    value = _joined(value)
    if value is pd.NA or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _text(header, rows, numeric) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines) + "\n"


def _markdown(header, rows, numeric) -> str:
    rule = ["---:" if right else "---" for right in numeric]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, rule, *escaped])


# What LaTeX cannot print without packages, and `Styler` leaves as it is.
_LATEX = {"×": r"$\times$", "→": r"$\to$", "−": r"$-$", "✓": r"$\surd$", "✗": r"$\neq$"}


def _latex(header, rows, numeric) -> str:
    """A tabular that compiles in plain LaTeX, without packages."""
    styler = pd.DataFrame(rows, columns=header).style.hide(axis="index").format(escape="latex")
    rules = [{"selector": f"{place}rule", "props": ":hline"} for place in ("top", "mid", "bottom")]
    text = (
        styler.format_index(escape="latex", axis="columns")
        .set_table_styles(rules)
        .to_latex(column_format="".join("r" if right else "l" for right in numeric))
    )
    return text.translate(str.maketrans(_LATEX))
