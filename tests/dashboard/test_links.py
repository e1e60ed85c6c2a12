"""Links between pages carry what they are about."""

from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest

from dashboard.shared import links


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


def test_a_picture_of_the_test_set_has_an_address():
    address = urlsplit(links.sample("fashion-mnist", "T-shirt/top", 12))

    assert address.path == "classify"
    assert parse_qs(address.query) == {
        "source": ["Sample"],
        "network": ["fashion-mnist"],
        "sample-class": ["T-shirt/top"],
        "sample-number": ["12"],
    }
