"""Layer-wise relevance by zennit: its composite `EpsilonPlusFlat` on a DenseNet of torchvision, one film, one output.

zennit has no canonizer for DenseNets, where batch norm stands before ReLU and convolution, and one map feeds many norms:
its `SequentialMergeBatchNorm` fails, because the norm that follows a convolution among the leaves reads more channels
than the convolution writes. So two ways are measured, both with the composite registered before the clock starts:

`zennit`: the canonised network, which is what pleura explains. Every norm is merged into the convolutions that write
what it reads, one copy of them for each reader. The copies of one convolution stand side by side in one `Conv2d`, so
that zennit's rules see few large layers. A norm that reads the stem's pool stays a layer of its own under the epsilon
rule. The network gives the same outputs as torchvision's; that is checked before anything is timed.

`zennit-plain`: less work and another answer. Norms that are the only readers of a convolution are merged into it by
zennit's own `NamedMergeBatchNorm`; all others stay where they are under the epsilon rule, as zennit's author advises
for DenseNets (issue 165 of chr5tphr/zennit).
"""

from importlib.metadata import version

import torch
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import AttributeCanonizer, NamedMergeBatchNorm
from zennit.composites import EpsilonPlusFlat
from zennit.rules import Epsilon
from zennit.types import BatchNorm


def zennit_canonised(network, normalised, grey, timed) -> dict:
    canonised = Canonised(network).eval()
    with torch.inference_mode():
        ours, theirs = canonised(normalised(grey)), network(normalised(grey))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    return explained(canonised, [], normalised, grey, timed)


def zennit_plain(network, normalised, grey, timed) -> dict:
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            # zennit's hooks hold on to what such a layer would overwrite.
            module.inplace = False
    names = {name for name, _ in network.named_modules()}
    merges = [(["features.conv0"], "features.norm0")]
    merges += [([name], name.replace("conv1", "norm2")) for name in names if name.endswith(".conv1")]
    return explained(network, [Pooled(), NamedMergeBatchNorm(sorted(merges))], normalised, grey, timed)


def explained(network, canonizers: list, normalised, grey, timed) -> dict:
    composite = EpsilonPlusFlat(layer_map=[(BatchNorm, Epsilon(epsilon=1e-6))], canonizers=canonizers)

    def start(logits):
        # Relevance begins with the first output's logit.
        return torch.cat([logits[:, :1], torch.zeros_like(logits[:, 1:])], dim=1)

    with Gradient(network, composite) as attributor:

        def step():
            return attributor(normalised(grey).contiguous(), start)

        measured = timed(step)
        logits, relevance = step()
    return {
        **measured,
        "version": version("zennit"),
        "logit": logits[0, 0].item(),
        "relevance": relevance.sum().item(),
    }


class Pooled(AttributeCanonizer):
    """Global average pooling as a module, which rules can be given to."""

    def __init__(self):
        super().__init__(self.attributes)

    def copy(self):
        return Pooled()

    @staticmethod
    def attributes(_name, module):
        if not hasattr(module, "classifier"):
            return None
        return {"forward": Pooled.forward.__get__(module), "activation": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1)}

    @staticmethod
    def forward(self, x):
        return self.classifier(self.pool(self.activation(self.features(x))).flatten(1))


class Canonised(nn.Module):
    """A DenseNet of torchvision in evaluation mode without a norm behind a convolution."""

    def __init__(self, network):
        super().__init__()
        features = network.features
        # zennit's hooks hold on to one call of a module: each is used once.
        self.stem = nn.Sequential(merged(features.conv0, [(features.norm0, 0)]), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        blocks = [module for name, module in features.named_children() if name.startswith("denseblock")]
        transitions = [module for name, module in features.named_children() if name.startswith("transition")]
        last_norms = [transition.norm for transition in transitions] + [features.norm5]
        # The norms that read a block's maps: its layers' in turn, then that of what follows.
        readers = [
            [layer.norm1 for layer in block.values()] + [norm] for block, norm in zip(blocks, last_norms, strict=True)
        ]
        width = features.conv0.out_channels
        self.diagonals = nn.ModuleList(sliced(norm, 0, width) for norm in readers[0])
        self.blocks = nn.ModuleList()
        self.entries = nn.ModuleList()
        for index, block in enumerate(blocks):
            layers, first = nn.ModuleList(), width
            for place, layer in enumerate(block.values()):
                later = [(norm, first) for norm in readers[index][place + 1 :]]
                first_convolution = merged(layer.conv1, [(layer.norm2, 0)])
                layers.append(nn.Sequential(nn.ReLU(), first_convolution, nn.ReLU(), merged(layer.conv2, later)))
                first += layer.conv2.out_channels
            self.blocks.append(layers)
            if index < len(transitions):
                transition = transitions[index].conv
                copies = merged(transition, [(norm, 0) for norm in readers[index + 1]])
                self.entries.append(nn.Sequential(nn.ReLU(), copies, nn.AvgPool2d(2)))
                width = transition.out_channels
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), network.classifier)

    def forward(self, x):
        x = self.stem(x)
        read = [[diagonal(x)] for diagonal in self.diagonals]
        for index, layers in enumerate(self.blocks):
            for place, layer in enumerate(layers):
                later = read[place + 1 :]
                copies = layer(torch.cat(read[place], 1)).chunk(len(later), 1)
                for maps, copy in zip(later, copies, strict=True):
                    maps.append(copy)
            x = torch.cat(read[-1], 1)
            if index < len(self.entries):
                readers = len(self.blocks[index + 1]) + 1
                read = [[copy] for copy in self.entries[index](x).chunk(readers, 1)]
        return self.head(x)


def merged(convolution, readers):
    """Copies of a convolution side by side: for each (norm, its first channel) one with the norm merged into it."""
    outputs = convolution.out_channels
    copies = nn.Conv2d(
        convolution.in_channels,
        outputs * len(readers),
        convolution.kernel_size,
        convolution.stride,
        convolution.padding,
    )
    weights, biases = [], []
    for norm, first in readers:
        part = sliced(norm, first, outputs)
        scale = part.weight / (part.running_var + part.eps).sqrt()
        weights.append(convolution.weight * scale[:, None, None, None])
        biases.append(part.bias - part.running_mean * scale)
    copies.weight = nn.Parameter(torch.cat(weights).detach())
    copies.bias = nn.Parameter(torch.cat(biases).detach())
    return copies


def sliced(norm, first: int, channels: int):
    """Some channels of a norm."""
    part = nn.BatchNorm2d(channels, eps=norm.eps)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(part, name).data = getattr(norm, name).data[first : first + channels].clone()
    return part.eval()
