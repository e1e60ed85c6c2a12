"""Links between pages carry what they are about."""

from streamlit.testing.v1 import AppTest


def test_a_network_of_compare_goes_to_train_and_says_what_differs():
    def script():
        from unittest.mock import patch

        import streamlit as st

        from dashboard.shared import links
        from vggcore.model.architectures import VGGSpec

        with patch.object(st, "page_link") as asked:
            links.train(VGGSpec(configuration="D", width="1/4", in_channels=3, num_classes=1000))
        st.session_state["query"] = asked.call_args.kwargs["query_params"]

    page = AppTest.from_function(script)
    page.run()

    assert page.session_state["query"] == {
        "preset": "tutorial",
        "configuration": "D",
        "width": "1/4",
    }
    assert page.caption[0].value == (
        "On Fashion-MNIST: 10 classes instead of 1,000 and grey images instead of colour."
    )


def test_a_run_goes_back_into_the_form_with_a_change():
    def script():
        from unittest.mock import patch

        import streamlit as st

        from dashboard.shared import links
        from vggcore.model.recipe import PRESETS

        tutorial = PRESETS["tutorial"]
        config = {
            "preset": "tutorial",
            "spec": tutorial.spec.to_dict() | {"configuration": "E"},
            "train": tutorial.train.to_dict() | {"learning_rate": 0.02},
        }
        with patch.object(st, "page_link") as asked:
            links.changed_run("again", config, batch_norm=True)
            links.changed_run("again", {"preset": "gone"})
        st.session_state["asked"] = [call.kwargs["query_params"] for call in asked.mock_calls]

    page = AppTest.from_function(script)
    page.run()

    assert not page.exception
    assert page.session_state["asked"] == [
        {
            "preset": "tutorial",
            "configuration": "E",
            "batch_norm": "True",
            "learning_rate": "0.02",
        }
    ]
