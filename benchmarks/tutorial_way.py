"""The tutorial's way of training, for comparison: as its readers write it, and no slower.

VGG-11 at 1/8 on 224 px; a DataLoader whose workers resize each image with PIL; float32,
contiguous tensors; Adam at 0.001, batches of 64.
"""

import itertools

BATCH = 64
STEPS_PER_EPOCH = -(-60_000 // BATCH)  # all 60,000 training images, the last batch smaller
EPOCHS = 5


def work(before_step, loader_workers: int = 2) -> None:
    """Train forever, calling `before_step()` before each step."""
    import torch
    import torchvision
    from torch import nn
    from torchvision import transforms

    from vggcore.machine import paths

    def vgg_block(num_convs, in_channels, out_channels):
        layers = []
        for _ in range(num_convs):
            layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU()]
            in_channels = out_channels
        return nn.Sequential(*layers, nn.MaxPool2d(2, 2))

    channels, blocks = 1, []
    for num_convs, out_channels in ((1, 8), (1, 16), (2, 32), (2, 64), (2, 64)):
        blocks.append(vgg_block(num_convs, channels, out_channels))
        channels = out_channels
    net = nn.Sequential(
        *blocks,
        nn.Flatten(),
        nn.Linear(channels * 7 * 7, 512),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(512, 10),
    )
    transform = transforms.Compose([transforms.Resize(224), transforms.ToTensor()])
    dataset = torchvision.datasets.FashionMNIST(paths.data_dir(), transform=transform)
    loader = torch.utils.data.DataLoader(
        dataset, BATCH, shuffle=True, num_workers=loader_workers, drop_last=True
    )
    optimizer, loss_of = torch.optim.Adam(net.parameters(), lr=0.001), nn.CrossEntropyLoss()
    for images, labels in itertools.chain.from_iterable(iter(lambda: loader, None)):
        before_step()
        loss = loss_of(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
