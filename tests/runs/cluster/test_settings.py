import pytest

from vggcore.runs.cluster import daemon, settings

BOTH = {"VGGCORE_RAY": "http://head:8265/", "VGGCORE_STORE": "s3://bucket/runs"}


def test_without_an_address_there_is_no_cluster():
    assert settings.read({"VGGCORE_STORE": "/shared"}) is None
    with pytest.raises(ValueError, match="set VGGCORE_RAY and VGGCORE_STORE"):
        settings.require()


def test_a_token_and_headers_are_sent_but_never_shown():
    cluster = settings.read(
        BOTH | {"VGGCORE_RAY_TOKEN": "secret", "VGGCORE_RAY_HEADERS": '{"X-Team": "clothes"}'}
    )

    assert cluster.headers == {"X-Team": "clothes", "Authorization": "Bearer secret"}
    assert cluster.address == "http://head:8265" and cluster.host == "head"
    assert "secret" not in repr(cluster)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"VGGCORE_RAY": "head:8265"}, "VGGCORE_RAY must be an address"),
        ({"VGGCORE_RAY": "http://me:secret@head:8265"}, "not 'http://head:8265'"),
        ({"VGGCORE_STORE": ""}, "VGGCORE_STORE is not set"),
        ({"VGGCORE_STORE": "shared"}, "VGGCORE_STORE must be a URL, or a folder's absolute path"),
        ({"VGGCORE_RAY_GPUS": "many"}, "VGGCORE_RAY_GPUS must be a number"),
        ({"VGGCORE_RAY_GPUS": "-1"}, "VGGCORE_RAY_GPUS must be a number"),
        ({"VGGCORE_RAY_HEADERS": "[1]"}, "VGGCORE_RAY_HEADERS must be a JSON object"),
        ({"VGGCORE_STORE_OPTIONS": "{"}, "VGGCORE_STORE_OPTIONS must be a JSON object"),
    ],
)
def test_settings_that_cannot_be_used_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        settings.read(BOTH | wrong)


def test_a_token_is_enough_to_tell_followers_apart_but_its_lack_is_not():
    plain = settings.read(BOTH)
    with_token = settings.read(BOTH | {"VGGCORE_RAY_TOKEN": "secret"})

    assert daemon.key(plain)[0] == daemon.key(with_token)[0]
    assert daemon.key(plain)[1] != daemon.key(with_token)[1]


def test_a_password_in_a_url_is_not_shown():
    assert settings.without_password("sftp://me:secret@host/runs") == "sftp://host/runs"
    assert settings.without_password("sftp://me:se/c@ret@host/runs") == "sftp://host/runs"
