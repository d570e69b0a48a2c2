"""Grad-CAM on networks whose answer is known to come from one place."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from medshelf.benchmark.explaining.grad_cam import grad_cam  # noqa: E402
from tests.models_out.small_network import Flat, Small  # noqa: E402


class Watching(nn.Module):
    """Output 1 is the mean brightness of one window, output 0 that of another."""

    def __init__(self, windows: list[tuple[slice, ...]], shape: tuple[int, ...]) -> None:
        super().__init__()
        kind = (nn.Conv2d, nn.Conv3d)[len(shape) - 2]
        self.copy = kind(1, 2, 1, bias=False)
        self.copy.weight.data.fill_(1)
        self.register_buffer("seen", torch.zeros(1, 2, *shape))
        for output, window in enumerate(windows):
            self.seen[(0, output, *window)] = 1
        self.watch = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.watch(self.copy(x) * self.seen).flatten(2).mean(dim=2)


@pytest.mark.parametrize("shape", [(32, 32), (16, 16, 16)])
def test_the_map_peaks_where_the_answer_comes_from(shape: tuple[int, ...]) -> None:
    near, far = (slice(2, 6),) * len(shape), (slice(9, 13),) * len(shape)
    image = torch.full((2, 1, *shape), 0.1)
    image[0, 0][near] = 0.5
    image[:, 0][(slice(None), *far)] = 1.0  # brighter, but output 0 does not look there
    found = grad_cam(Watching([near, far], shape).eval(), image, [0, 1], shape)
    assert found is not None
    assert found.layer == "watch"
    assert found.maps.shape == (2, *shape)
    for number, window in enumerate((near, far)):
        only = np.zeros(shape)
        only[window] = 1
        np.testing.assert_allclose(found.maps[number], only, atol=1e-6)


def test_the_map_is_the_published_formula() -> None:
    torch.manual_seed(0)
    network = Small(1, 3, 2).eval()
    images = torch.rand(2, 1, 28, 28)
    found = grad_cam(network, images.clone(), [2, 0], (7, 7))
    assert found is not None
    assert (found.layer, found.grid) == ("second", (7, 7))
    for number, output in enumerate([2, 0]):
        features = network.second(torch.relu(network.first(images[number : number + 1])))
        features.retain_grad()
        network.head(torch.relu(features).flatten(2).amax(dim=2))[0, output].backward()
        weights = features.grad.mean(dim=(2, 3), keepdim=True)  # equation 1
        expected = torch.relu((weights * features).sum(dim=1))[0]  # equation 2
        highest = expected.max().clamp_min(1e-12)
        np.testing.assert_allclose(
            found.maps[number], (expected / highest).detach().numpy(), atol=1e-5
        )


def test_a_network_without_convolutions_has_no_map() -> None:
    assert grad_cam(Flat(1, 2, 8).eval(), torch.rand(2, 1, 8, 8), [0, 1], (8, 8)) is None


def test_the_network_is_left_as_it_was() -> None:
    network = Small(1, 2, 2).eval()
    before = network(torch.ones(1, 1, 28, 28)).detach()
    grad_cam(network, torch.rand(1, 1, 28, 28), [0], (28, 28))
    assert all(each.grad is None for each in network.parameters())
    assert not network.first._forward_hooks
    torch.testing.assert_close(network(torch.ones(1, 1, 28, 28)), before)
