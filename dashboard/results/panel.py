"""Sections of the Results page. Each takes the results of one network, or of two."""

from zlib import crc32

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.results import charts as charts
from dashboard.shared import address, confusion_chart, cpu_share, formatting, language, links
from dashboard.shared.gallery import choose
from dashboard.shared.language import N_, tr
from dashboard.shared.network_choice import label_of
from vggcore.answers import results
from vggcore.answers.results import Results
from vggcore.answers.scores import class_scores, difference_interval, in_cell, wilson_interval
from vggcore.answers.scores import worst_mistakes as worst
from vggcore.data.classes import percent
from vggcore.data.raw_files import DataMissing
from vggcore.model import checkpoints
from vggcore.pictures.prepare import visible

SHOWN, SHOWN_BESIDE = 40, 20  # pictures at a time; beside something else
_CELL = ("cell-is", "cell-taken-for")  # state: the chosen cell of the confusion matrix
PARAMETERS = dict.fromkeys(("network", "second", "section", "cost-by", *_CELL), address.text)
_CELL_LABELS = (N_("True class"), N_("Taken for"))


@st.cache_resource(max_entries=4, show_spinner=False)
def _cached(name: str, version: str) -> Results | None:
    return results.cached(name)


def results_of(name: str) -> Results:
    """From memory, from disk, or computed now behind a progress bar.

    Raises CheckpointError, DataMissing.
    """
    version = checkpoints.version(name)
    stored = _cached(name, version)
    if stored is not None:
        return stored
    from vggcore.answers import making_results  # with PyTorch: only if much is to be computed

    text = tr(
        "{name} is looking at all test images; each network does this only once …",
        name=formatting.plain(label_of(name)),
    )
    bar = st.progress(0.0, text)
    cpu_share.share()

    def show_progress(share: float) -> None:
        bar.progress(min(share, 1.0), text)

    making_results.compute(name, show_progress)
    bar.empty()
    _cached.clear(name, version)
    return _cached(name, version) or making_results.compute(name)


def scores(networks: list[Results]) -> None:
    """Accuracy, calibration, and scores of the ten classes."""
    for column, network in zip(st.columns(len(networks)), networks, strict=True):
        with column.container(border=len(networks) > 1):
            if len(networks) > 1:
                st.markdown(f"**{formatting.plain(label_of(network.name))}**")
            headline(network)
    if len(networks) == 2:
        first, second = networks
        if first.images_sha256 == second.images_sha256:
            one, other = (formatting.plain(label_of(network.name)) for network in networks)
            difference, low, high = difference_interval(first.right, second.right)
            st.markdown(
                tr(
                    "{one} minus {other}, on the same images: **{difference:+.2f} points** (95 %: "
                    "{low:+.2f} to {high:+.2f})",
                    one=one,
                    other=other,
                    difference=100 * difference,
                    low=100 * low,
                    high=100 * high,
                )
                + (tr(": no clear difference.") if low <= 0 <= high else ".")
            )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(tr("Class by class"), anchor=False)
        table = per_class(networks)
        per_cent = st.column_config.NumberColumn(format="%.1f %%")
        st.dataframe(
            table,
            key="per-class",
            hide_index=True,
            height=388,
            column_config={name: per_cent for name in table.columns[1:]},
            placeholder="",
        )
        st.caption(
            tr(
                "Precision: the share of its answers for a class that are "
                "right. Recall: the share of a class that it finds. F1: their "
                "harmonic mean."
            )
        )
    with right:
        st.subheader(tr("Calibration: is its confidence justified?"), anchor=False)
        st.plotly_chart(
            charts.reliability(
                {label_of(network.name): network.reliability for network in networks}
            ),
            key="reliability",
            alt=tr("Share of right answers against the probability given with them"),
        )
        st.caption(tr("Below the dotted line it is overconfident. Larger dots hold more images."))


def headline(network: Results) -> None:
    """Accuracy with its interval, and calibration error."""
    accuracy, n = network.scores["accuracy"], network.scores["n"]
    low, high = wilson_interval(round(accuracy * n), n)
    with st.container(horizontal=True):
        st.metric(
            tr("Test accuracy"),
            f"{accuracy:.2%}",
            tr("of {pictures:,}", pictures=n),
            delta_color="off",
            delta_arrow="off",
            width="content",
            help=tr("On {n:,} test images that were never used for training.", n=n),
        )
        if "top5" in network.scores:
            st.metric(
                tr("Top-5 accuracy"),
                f"{network.scores['top5']:.2%}",
                width="content",
                help=tr("How often the class is one of the five most probable ones."),
            )
        st.metric(
            tr("95 % interval"),
            f"{low:.1%} – {high:.1%}",
            width="content",
            help=tr(
                "Where the accuracy on other images like these probably lies (Wilson interval)."
            ),
        )
        st.metric(tr("Mistakes"), f"{n - round(accuracy * n):,}", width="content")
        st.metric(
            tr("Calibration error"),
            f"{network.calibration_error:.1%}",
            width="content",
            help=tr("Mean gap between how sure it is and how often it is right (ECE, 15 bins)."),
        )


def per_class(networks: list[Results]) -> pd.DataFrame:
    """Precision, recall and F1 per class in per cent, of each network."""
    table = pd.DataFrame({tr("class"): [tr(name) for name in networks[0].card.classes]})
    for network in networks:
        after = f" {label_of(network.name)}" if len(networks) > 1 else ""
        rows = class_scores(network.scores["confusion"])
        for column, heading in (
            ("precision", N_("Precision")),
            ("recall", N_("Recall")),
            ("f1", "F1"),
        ):
            table[tr(heading) + after] = [100 * getattr(row, column) for row in rows]
    return table


def confusion(networks: list[Results]) -> None:
    """The matrix, and the pictures in the chosen cell."""
    # Above the columns, so that they have the same place for one network and for two; see
    # `pages/results.py`.
    true, named = _cell(networks[0])
    alone = len(networks) == 1
    columns = st.columns([11, 9] if alone else 2, gap="large" if alone else "small")
    for number, network in enumerate(networks):
        with columns[number]:
            if not alone:
                st.markdown(f"**{formatting.plain(label_of(network.name))}**")
            _matrix(network, f"confusion-{number}")
    with columns[1] if alone else st.container():
        _pictures(networks, true, named)


def _note_on_many(classes: tuple[str, ...]) -> None:
    if len(classes) > confusion_chart.MOST:
        st.caption(
            tr(
                "The {most} of its {count:,} classes that have the most mistakes.",
                count=len(classes),
                most=confusion_chart.MOST,
            )
        )


def _matrix(network: Results, key: str) -> None:
    true, named = _most_confused(network)
    st.plotly_chart(
        confusion_chart.confusion(network.scores["confusion"], network.card.classes),
        key=key,
        on_select=lambda: _take_cell(key, network.card.classes),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=tr(
            "Confusion matrix of {name}: {true} is most often taken for {named}",
            name=label_of(network.name),
            true=tr(true),
            named=tr(named),
        ),
    )
    _note_on_many(network.card.classes)


def _cell(network: Results) -> tuple[str, str]:
    """The chosen cell: what the garment is, and what it is mistaken for."""
    # Until something is chosen, show the most frequent mistake. It is not a default of the boxes,
    # so that any choice is in the address and can be shared.
    usual = _most_confused(network)
    note = tr("Choose a cell, or click it in the matrix, to see its pictures.")
    true, named = _boxes(network, usual, note)
    return true or usual[0], named or usual[1]


def _boxes(
    network: Results, placeholders: tuple[str, str], note: str
) -> tuple[str | None, str | None]:
    """The boxes for a class and what it is taken for; None where nothing is chosen."""
    known = network.card.classes
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = []
        for key, label, placeholder in zip(_CELL, _CELL_LABELS, placeholders, strict=True):
            language.from_address(key, known)
            box = st.selectbox(
                tr(label),
                known,
                index=None,
                placeholder=tr(placeholder),
                format_func=tr,
                key=key,
                width=160,
                bind="query-params",
            )
            chosen.append(box)
        st.caption(note, width="content")
    true, named = chosen
    return true, named


def _pictures(networks: list[Results], true: str, named: str) -> None:
    for network in networks:
        known = network.card.classes
        chosen = in_cell(
            network.probabilities, network.labels, known.index(true), known.index(named)
        ).tolist()
        whose = (
            tr(" by {name}", name=formatting.plain(label_of(network.name)))
            if len(networks) > 1
            else ""
        )
        counted = (
            tr("{true} named correctly", true=tr(true))
            if true == named
            else tr("{true} taken for {named}", true=tr(true), named=tr(named))
        )
        if len(chosen) == 1:
            st.markdown(tr("**1 picture: {result}{whose}**", result=counted, whose=whose))
        else:
            many = tr(
                "**{count:,} pictures: {result}{whose}**",
                count=len(chosen),
                result=counted,
                whose=whose,
            )
            st.markdown(many)
        gallery(network, chosen, SHOWN_BESIDE)
        if chosen and true != named:
            st.button(
                tr("Show it among the mistakes")
                if len(chosen) == 1
                else tr("Show all {count:,} among the mistakes", count=len(chosen)),
                key=f"to-mistakes-{network.name}",
                icon=":material/filter_alt:",
                on_click=_go_to_mistakes,
                args=(true, named),
            )


def _go_to_mistakes(true: str, named: str) -> None:
    st.session_state["section"] = "Mistakes"
    st.session_state[_CELL[0]], st.session_state[_CELL[1]] = true, named


def _take_cell(key: str, classes: tuple[str, ...]) -> None:
    """Sets the boxes below the matrix to the cell that was clicked."""
    points = st.session_state[key].get("selection", {}).get("points", [])
    match points:
        case [{"customdata": [int(row), int(column)]}, *_]:
            if row in range(len(classes)) and column in range(len(classes)):
                st.session_state[_CELL[0]] = classes[row]
                st.session_state[_CELL[1]] = classes[column]


def _most_confused(network: Results) -> tuple[str, str]:
    counts = np.array(network.scores["confusion"])
    np.fill_diagonal(counts, -1)
    row, column = np.unravel_index(counts.argmax(), counts.shape)
    return network.card.classes[row], network.card.classes[column]


def gallery(network: Results, chosen: list[int], limit: int = SHOWN) -> None:
    """Test images with the network's answers."""
    if not chosen:
        st.caption(tr("None."))
        return
    try:
        with st.spinner(tr("Reading the test images …")):
            images = network.images
    except DataMissing as error:
        st.info(
            tr("The pictures themselves need the data set. {error}", error=error),
            icon=":material/image:",
        )
        return
    place, pages, start = st.container(), -(-len(chosen) // limit), 0
    if pages > 1:
        key = f"page-{network.name}-{crc32(repr(chosen).encode())}"
        start = limit * (st.pagination(pages, key=key) - 1)
    part = chosen[start : start + limit]
    pictures = [(caption(network, i), visible(images[i])) for i in part]
    key = f"gallery-{network.name}-{crc32(repr(part).encode())}"
    with place:
        number = choose(pictures, tr("Open in Classify"), key, side=88)
    if number is not None:
        _open(network, part[number])
    if pages > 1:
        st.caption(
            tr(
                "{first:,} to {last:,} of {count:,}, most confident first.",
                first=start + 1,
                last=start + len(part),
                count=len(chosen),
            )
        )


def _open(network: Results, index: int) -> None:
    """Go to the test image on Classify: by its number within its class."""
    true = network.labels[index]
    number = int((network.labels[:index] == true).sum())
    links.to_sample(network.name, network.card.classes[true], number)


def caption(network: Results, index: int) -> str:
    """ "Shirt 71 %, Coat 20 %; is Coat"."""
    chances, classes = network.probabilities[index], network.card.classes
    top = np.argsort(-chances, kind="stable")[:2].tolist()
    answers = ", ".join(
        f"{tr(classes[c])} {percent(float(chances[c]))}" for c in top if chances[c] >= 0.01
    )
    true = int(network.labels[index])
    return (
        answers
        if true == top[0]
        else tr("{answers}; really {true}", answers=answers, true=tr(classes[true]))
    )


def mistakes(networks: list[Results]) -> None:
    """Wrong answers, most confident first: all, or those of a class or of an answer."""
    note = tr("Some of these are the network's mistakes; others have debatable labels.")
    true, named = _boxes(networks[0], (N_("any"), N_("any")), note)
    for network in networks:
        wrong = worst(network.probabilities, network.labels).tolist()
        answers, classes = network.probabilities.argmax(1), network.card.classes
        chosen = [
            i
            for i in wrong
            if true in (None, classes[network.labels[i]]) and named in (None, classes[answers[i]])
        ]
        name = formatting.plain(label_of(network.name))
        if true or named:
            counted = tr(
                "**{name}: {some:,} of {count:,} mistakes**",
                name=name,
                some=len(chosen),
                count=len(wrong),
            )
        elif len(wrong) == 1:
            counted = tr("**{name}: 1 mistake**", name=name)
        else:
            counted = tr("**{name}: {count:,} mistakes**", name=name, count=len(wrong))
        st.markdown(counted)
        gallery(network, chosen)


def disagreement(networks: list[Results]) -> None:
    """Pictures on which only one of two networks is right."""
    if len(networks) < 2:
        st.info(tr("Choose a second network to see where the two disagree."))
        return
    first, second = networks
    if first.images_sha256 != second.images_sha256:
        st.info(tr("These two are judged on different test sets."))
        return
    left, right = first.right, second.right
    counts = pd.DataFrame(
        {
            tr("{name} right", name=label_of(second.name)): [
                int((left & right).sum()),
                int((~left & right).sum()),
            ],
            tr("{name} wrong", name=label_of(second.name)): [
                int((left & ~right).sum()),
                int((~left & ~right).sum()),
            ],
        },
        index=[
            tr("{name} right", name=label_of(first.name)),
            tr("{name} wrong", name=label_of(first.name)),
        ],
    )
    st.dataframe(counts, key="disagreement", width="content", placeholder="")
    for winner, loser, both in ((first, second, left & ~right), (second, first, right & ~left)):
        chosen = np.flatnonzero(both)
        order = np.argsort(-loser.probabilities[chosen].max(1), kind="stable")
        st.markdown(
            tr(
                "**Only {name} is right**; what {name2} says, most confident first",
                name=formatting.plain(label_of(winner.name)),
                name2=formatting.plain(label_of(loser.name)),
            )
        )
        gallery(loser, chosen[order].tolist())
