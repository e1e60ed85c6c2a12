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
