"""Memory of a public server while one visitor uploads without end, and after they have left.

    python benchmarks/uploads.py [--files 40] [--megabytes 20]

The files are sent to Streamlit's own route, as a page without an uploader would allow, too.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e"), str(ROOT / "benchmarks")]
import harness  # noqa: E402
from load_websockets import resident_mb  # noqa: E402
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

LEFT = 60  # seconds after which `.streamlit/config.toml` ends a session that was left


def upload(url: str, content: bytes) -> str:
    """The server's answer to one file; it may come before the file was sent."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    body = head + content + b"\r\n--x--\r\n"
    try:
        with urlopen(Request(url, body, kind, method="PUT"), timeout=harness.PATIENCE) as answer:
            return str(answer.status)
    except HTTPError as error:
        return str(error.code)
    except URLError:
        return "closed"


async def visit(app: harness.App, files: int, megabytes: int) -> None:
    address = f"{app.url.replace('http', 'ws', 1)}/_stcore/stream"
    async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:
        message, session, finished = BackMsg(), "", False
        message.rerun_script.page_name = "compare"
        await socket.send(message.SerializeToString())
        while not finished:
            answer = ForwardMsg()
            answer.ParseFromString(await socket.recv())
            session = session or answer.new_session.initialize.session_id
            finished = answer.WhichOneof("type") == "script_finished"
        print(f"before: {resident_mb(app.pid):.0f} MB")
        content, answers = bytes(megabytes * 1_000_000), Counter()
        for number in range(files):
            target = f"{app.url}/_stcore/upload_file/{session}/file-{number}"
            answers[await asyncio.to_thread(upload, target, content)] += 1
        print(f"after {files} files of {megabytes} MB: {resident_mb(app.pid):.0f} MB")
        print("answers: " + ", ".join(f"{count} × {code}" for code, count in answers.items()))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--megabytes", type=int, default=20)
    args = parser.parse_args()
    # The requests come from no page, and so have no token against forged ones.
    option = "--server.enableXsrfProtection=false"
    with tempfile.TemporaryDirectory() as runs:
        with harness.running_app(Path(runs), option, VGGCORE_PUBLIC="1") as app:
            await visit(app, args.files, args.megabytes)
            await asyncio.sleep(LEFT + 10)
            print(f"{LEFT + 10} s after the visitor left: {resident_mb(app.pid):.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
