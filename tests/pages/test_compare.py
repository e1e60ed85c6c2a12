import json
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.compare import charts, diagram
from dashboard.shared import palette
from vggcore.commands.tables import garment_accuracies
from vggcore.model import anatomy
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The Compare page as a visitor with this address would open it."""
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))

    def open_at(**query) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        return app.switch_page("pages/compare.py").run()

    return open_at


def shown(app: AppTest):
    assert not app.exception
    return app.dataframe[0].value


def test_opens_with_the_papers_networks_checked(page):
    table = shown(page())
    assert list(table.parameters)[-2:] == [138_357_544, 143_667_240]
    assert list(table["top-5 error, %"])[0] == 10.4
    assert table.checked.iloc[4] == "✓ paper, ✓ torchvision"


def test_our_own_networks_show_their_best_accuracy(page, tmp_path):
    common = dict(configuration="E", batch_norm=True, image_size=64, num_classes=1000)
    specs = [VGGSpec(in_channels=3, width=w, **common) for w in ("1/2", "1/4", "1/4")]
    for number, spec in enumerate(specs):
        card = {
            "spec": spec.to_dict(),
            "sha256": "",
            "classes": [],
            "preprocessing": {},
            "data": {"name": "wild"},
            "test_accuracy": 0.9 + number / 100,
        }
        (tmp_path / f"own{number}.json").write_text(json.dumps(card))
    table = shown(page(networks="VGG-19", norm="both", ratio="1/4", pixels="64"))
    assert table.garments.dropna().tolist() == [0.92]


def test_controls_recount_everything(page):
    app = page()
    app.select_slider(key="ratio").set_value("1/8")
    app.number_input(key="channels").set_value(1)
    app.number_input(key="classes").set_value(10)
    table = shown(app.run())
    assert list(table.parameters)[0] == 2_018_346
    assert "checked" not in table  # nothing was published for these


def test_address_holds_the_selection(page):
    table = shown(page(networks="VGG-19", norm="both", ratio="1/4", pixels="64"))
    specs = [
        VGGSpec(
            configuration="E",
            batch_norm=norm,
            width="1/4",
            image_size=64,
            in_channels=3,
            num_classes=1000,
        )
        for norm in (False, True)
    ]
    assert list(table.parameters) == [anatomy.totals(spec).parameters for spec in specs]


def test_nonsense_in_the_address_is_ignored_with_a_notice(page):
    app = page(ratio="banana", pixels="99999", networks="VGG-16", colour="red")
    assert len(shown(app)) == 1
    for part in ("ratio=banana", "pixels=99999", "colour=red"):
        assert part in app.toast[0].value
    assert not page(ratio="1/8").toast
    assert not page(view="What changes", differs="true").toast
    assert "\\[x\\]" in page(x="[x](y)").toast[0].value  # no link of a stranger's on our page


def test_forged_widget_values_do_not_break_the_page(page):
    app = page(classes="-5", channels="1e9", view="no such view", networks="<script>")
    assert not app.exception
    assert app.toast


def test_no_network_chosen_says_so(page):
    app = page()
    app.button_group(key="networks").set_value([])
    assert "at least one network" in app.run().info[0].value


@pytest.mark.parametrize(
    ("view", "text"),
    [
        ("What changes", "3 added"),
        ("Small kernels", "27C²"),
        ("One network", "512×7×7"),
    ],
)
def test_each_view_says_what_it_should(page, view, text):
    query = {"view": view, "from": "VGG-13", "to": "VGG-16", "network": "VGG-16"}
    app = page(**query)
    assert not app.exception
    assert any(text in block.value for block in app.markdown)


def test_steps_between_columns_are_one_click(page):
    app = page(view="What changes")
    next(b for b in app.button if b.label == "VGG-16-1x1 → VGG-16").click()
    assert "3 changed" in " ".join(block.value for block in app.run().markdown)


def test_own_results_are_listed_and_damaged_cards_left_out(page, tmp_path):
    spec = VGGSpec(configuration="A", width="1/8")
    card = {
        "spec": spec.to_dict(),
        "preprocessing": {},
        "classes": [],
        "sha256": "",
        "data": {"name": "fashion-mnist"},
        "test_accuracy": 0.93,
    }
    (tmp_path / "good.json").write_text(json.dumps(card))
    (tmp_path / "bad.json").write_text("{")
    page()
    ours = garment_accuracies().query("source == 'this machine'")
    assert list(ours.name) == ["good"]
    table = shown(page(networks="VGG-11", ratio="1/8", channels="1", classes="10"))
    assert list(table.garments) == [0.93]


def test_the_shipped_networks_are_shown_with_their_accuracies(page, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(ROOT / "checkpoints"))
    app = page()
    for button in ("Our network for Fashion-MNIST", "Our network for photos"):
        next(b for b in app.button if b.label == button).click().run()
        table = shown(app)
        assert table.garments.notna().sum() == 1 and table.garments.max() > 0.9


def test_page_opens_before_torch():
    code = "import sys; from dashboard.compare import diagram, views; print('torch' in sys.modules)"
    import subprocess

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr


def networks() -> dict[str, VGGSpec]:
    return {name: VGGSpec(configuration=name) for name in CONFIGURATIONS}


def test_charts_add_up_to_the_totals():
    totals = [anatomy.totals(spec) for spec in networks().values()]
    by_kind = charts.parameters_by_kind(networks())
    by_block = charts.macs_by_block(networks())
    sums = [sum(bar.x[n] for bar in by_kind.data) for n in range(6)]
    assert sums == [t.parameters for t in totals]
    assert [sum(bar.x[n] for bar in by_block.data) for n in range(6)] == [t.macs for t in totals]


def test_bars_leave_plotly_nothing_to_draw_twice():
    figures = [
        charts.parameters_by_kind(networks()),
        charts.macs_by_block(networks()),
        charts.activations_by_layer(networks()),
        charts.layer_memory(VGGSpec(configuration="D")),
    ]
    for figure in figures:
        layout = figure.to_dict()["layout"]
        assert "template" not in layout and layout["datarevision"] == 1
        assert not layout["xaxis"]["automargin"] and not layout["yaxis"]["automargin"]
        longest = max(len(label) for bar in figure.data for label in bar.y)
        assert layout["margin"]["l"] >= 6 * longest  # a letter of the small font is 6 px wide


def test_activation_pieces_lie_end_to_end():
    figure = charts.activations_by_layer({"net": VGGSpec(configuration="D")})
    pieces = [piece for bar in figure.data for piece in zip(bar.base, bar.x, strict=True)]
    ends = [base + length for base, length in pieces]
    assert [base for base, _ in pieces] == [0, *ends[:-1]]
    assert ends[-1] == anatomy.totals(VGGSpec(configuration="D")).activation_bytes
    told = [bytes for bar in figure.data for _, bytes in bar.customdata]
    assert told == [length for _, length in pieces]  # how long a piece is, not where it ends


def test_diagram_names_each_layer_and_draws_maps_to_scale():
    drawing = diagram.network(VGGSpec(configuration="D"), standalone=True)
    assert drawing.count("3×3 →") == 13 and "512×7×7" in drawing
    assert 'width="150.0"' in drawing and 'width="75.0"' in drawing  # 224 px, then 112 px


def test_receptive_field_drawing_has_a_ring_a_layer():
    stacked = diagram.receptive_field(3, 4)
    assert sum(stacked.count(colour) for colour in palette.RINGS) == 4
    assert "sees 9×9 pixels" in stacked


def test_a_setting_fills_the_controls_without_a_word_in_the_log(page, caplog, monkeypatch):
    monkeypatch.setattr("streamlit.elements.lib.policies._shown_default_value_warning", False)
    compare = page(norm="both")
    next(b for b in compare.button if b.label.startswith("The tutorial's")).click().run()
    assert not compare.exception and compare.session_state["norm"] == "without"
    assert compare.session_state["ratio"] == "1/8"
    assert not [record for record in caplog.records if "default value" in record.getMessage()]
