"""One picture through the network: ours in several forms against ONNX Runtime, side by side.

    python benchmarks/single_image_latency.py [--checkpoint wild] [--threads 1] [--rounds 300]

All forms take turns within each round, so that anything else on the machine affects them alike;
with one thread, the thread's processor time is counted rather than the clock's.
"""

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vggcore.answers import evaluation, export  # noqa: E402
from vggcore.answers.classifier import Classifier  # noqa: E402
from vggcore.data import fashion_mnist  # noqa: E402
from vggcore.model import checkpoints  # noqa: E402
from vggcore.model.folding import folded  # noqa: E402
from vggcore.wild.items import development_items  # noqa: E402


def forms(checkpoint: checkpoints.Checkpoint, picture: torch.Tensor, threads: int) -> dict:
    """Name → function that runs the network once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        export.to_onnx(checkpoint.network, checkpoint.network.spec),
        options,
        providers=["CPUExecutionProvider"],
    )
    network = checkpoints.load(checkpoint.path).network
    way = checkpoint.card.preprocessing
    merged = folded(network).to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; this only measures it
        frozen = torch.jit.optimize_for_inference(
            torch.jit.freeze(torch.jit.trace(merged, picture))
        )
    half = folded(network).to(torch.bfloat16)
    ready = folded(network)
    values = picture.numpy()
    twice = torch.cat([picture, picture])  # all of a photo, and its middle
    return {
        "ONNX Runtime": lambda: session.run(None, {"images": values}),
        "as trained": lambda: network(picture),
        "BN folded": lambda: merged(picture),
        "BN folded, bf16": lambda: half(picture.to(torch.bfloat16)),
        "BN folded, TorchScript": lambda: frozen(picture),
        "BN folded, channels last, the classifier's": lambda: ready(picture),
        "a whole answer": lambda: evaluation.answer(ready, picture, way),
        "a photo's, with its middle": lambda: evaluation.answer(ready, twice, way),
    }


@torch.inference_mode()
def agreement(checkpoint: checkpoints.Checkpoint) -> tuple[int, float]:
    """How many validation images were given to the folded network, and the share that agrees."""
    preprocessing = checkpoint.card.preprocessing
    images, _ = fashion_mnist.load_split("validation")
    images = evaluation.as_trained(images, preprocessing)
    inputs = fashion_mnist.to_network_input(images, preprocessing)
    ready = folded(checkpoint.network)
    answers = [evaluation.answer(ready, one, preprocessing) for one in inputs.split(1)]
    ours = torch.cat(answers).argmax(1)
    exact = evaluation.predict(checkpoint.network, images, preprocessing).argmax(1)
    return len(images), torch.eq(ours, exact).float().mean().item()


def whole_way(checkpoint: checkpoints.Checkpoint, pictures: int = 60) -> list[float]:
    """Seconds from a picture to its answer: finding the garment, preparation, answer, turns."""
    items = [item for item in development_items() if item.held_out and item.kind == "photos"]
    classifier, seconds = Classifier(checkpoint), []
    for item in items[:: max(1, len(items) // pictures)]:
        picture = item.picture()
        classifier.classify(picture)
        started = time.thread_time()
        classifier.classify(picture)
        seconds.append(time.thread_time() - started)
    return seconds


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default=checkpoints.DEFAULT)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    checkpoint = checkpoints.load(args.checkpoint)
    side = checkpoint.network.spec.image_size
    channels = checkpoint.card.spec.in_channels
    runs = forms(checkpoint, torch.rand(1, channels, side, side), args.threads)

    clock = time.thread_time if args.threads == 1 else time.perf_counter
    seconds = {name: [] for name in runs}
    for number in range(args.rounds + 20):
        for name, run in runs.items():
            started = clock()
            run()
            if number >= 20:  # the first ones allocate and choose algorithms
                seconds[name].append(clock() - started)
    base = statistics.median(seconds["ONNX Runtime"])
    network = checkpoint.network.spec.name
    print(
        f"{checkpoint.name}, {network}, {side} px, {args.threads} thread(s), "
        f"{args.rounds} rounds; torch {torch.__version__}"
    )
    for name, values in seconds.items():
        median, best = statistics.median(values), min(values)
        print(
            f"  {name:42} median {1000 * median:7.3f} ms, best {1000 * best:7.3f} ms, "
            f"{median / base:5.2f} × ONNX Runtime"
        )
    ways = sorted(whole_way(checkpoint))
    median, most = (1000 * way for way in (statistics.median(ways), ways[len(ways) * 9 // 10]))
    print(
        f"{len(ways)} photos to answers, with the search for things and turns: median "
        f"{median:.1f} ms, 90 % within {most:.1f} ms"
    )
    count, share = agreement(checkpoint)
    print(f"folded, the same label as trained on {share:.2%} of {count:,} validation images")


if __name__ == "__main__":
    main()
