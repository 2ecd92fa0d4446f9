"""Well-known models in their published structure, named as their first implementations name their parts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """He et al. 2015, for 18 and 34 layers: two convolutions, and the way around them."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _projection(inplanes, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    """He et al. 2015, for 50 layers and more: narrow, 3×3, wide."""

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inplanes, 4 * planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


def _projection(inplanes: int, planes: int, stride: int) -> nn.Module | None:
    if stride == 1 and inplanes == planes:
        return None
    return nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))


class ResNet(nn.Module):
    """(N, 3, H, W) to (N, 1000)."""

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], layers: list[int]) -> None:
        super().__init__()
        self.inplanes = 64
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._layer(block, 64, layers[0], 1)
        self.layer2 = self._layer(block, 128, layers[1], 2)
        self.layer3 = self._layer(block, 256, layers[2], 2)
        self.layer4 = self._layer(block, 512, layers[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, 1000)

    def _layer(
        self, block: type[BasicBlock] | type[Bottleneck], planes: int, count: int, stride: int
    ) -> nn.Sequential:
        blocks = []
        for number in range(count):
            blocks.append(block(self.inplanes, planes, stride if number == 0 else 1))
            self.inplanes = planes * block.expansion
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)


def resnet18() -> ResNet:
    return ResNet(BasicBlock, [2, 2, 2, 2])


def resnet50() -> ResNet:
    return ResNet(Bottleneck, [3, 4, 6, 3])


class DoubleConv(nn.Sequential):
    def __init__(self, ins: int, outs: int) -> None:
        layers: list[nn.Module] = []
        for i in (ins, outs):
            layers += [nn.Conv2d(i, outs, 3, padding=1), nn.BatchNorm2d(outs), nn.ReLU(inplace=True)]
        super().__init__(*layers)


class Down(nn.Module):
    """Gives back what goes on, and what the way up will need."""

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        self.conv = DoubleConv(ins, outs)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.conv(x)
        return self.pool(features), features


class Up(nn.Module):
    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(ins, outs, 2, 2)
        self.conv = DoubleConv(ins, outs)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return self.conv(torch.cat([features, self.up(x)], 1))


class UNet(nn.Module):
    """Ronneberger et al. 2015. (N, 1, H, W) to (N, 2, H, W)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        w = width
        self.down1, self.down2 = Down(1, w), Down(w, 2 * w)
        self.down3, self.down4 = Down(2 * w, 4 * w), Down(4 * w, 8 * w)
        self.bottom = DoubleConv(8 * w, 16 * w)
        self.up4, self.up3 = Up(16 * w, 8 * w), Up(8 * w, 4 * w)
        self.up2, self.up1 = Up(4 * w, 2 * w), Up(2 * w, w)
        self.head = nn.Conv2d(w, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, one = self.down1(x)
        x, two = self.down2(x)
        x, three = self.down3(x)
        x, four = self.down4(x)
        x = self.bottom(x)
        x = self.up4(x, four)
        x = self.up3(x, three)
        x = self.up2(x, two)
        x = self.up1(x, one)
        return self.head(x)


class EncoderBlock(nn.Module):
    """Dosovitskiy et al. 2020: attention and an MLP, each with a way around."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.dropout = nn.Dropout(0.0)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            *(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0)),
            *(nn.Linear(4 * width, width), nn.Dropout(0.0)),
        )

    def forward(self, input: Tensor) -> Tensor:
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x)
        x = x + input
        y = self.ln_2(x)
        y = self.mlp(y)
        return x + y


class Encoder(nn.Module):
    def __init__(self, length: int, depth: int, width: int, heads: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.zeros(1, length, width))
        self.dropout = nn.Dropout(0.0)
        blocks = [(f"encoder_layer_{n}", EncoderBlock(width, heads)) for n in range(depth)]
        self.layers = nn.Sequential(OrderedDict(blocks))
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, input: Tensor) -> Tensor:
        input = input + self.pos_embedding
        return self.ln(self.layers(self.dropout(input)))


class VisionTransformer(nn.Module):
    """(N, 3, 32, 32) to (N, 10), with twelve blocks."""

    def __init__(self, depth: int = 12, width: int = 48) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, width, 8, 8)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder = Encoder(17, depth, width, 4)
        self.heads = nn.Sequential(OrderedDict([("head", nn.Linear(width, 10))]))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        x = self.conv_proj(x)
        x = x.flatten(2)
        x = x.permute(0, 2, 1)
        x = torch.cat([self.class_token.expand(n, -1, -1), x], dim=1)
        x = self.encoder(x)
        x = x[:, 0]
        return self.heads(x)


class TextEncoder(nn.Module):
    """Vaswani et al. 2017, by torch.nn's own layers: words to classes, (N, L) to (N, 2)."""

    def __init__(self, depth: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth)
        self.head = nn.Linear(32, 2)

    def forward(self, words: Tensor) -> Tensor:
        states = self.encoder(self.embedding(words))
        return self.head(states.mean(1))


class VAE(nn.Module):
    """Kingma and Welling 2013. Gives back the image, the mean and the logarithm of the variance."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21, self.fc22 = nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z: Tensor) -> Tensor:
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x.view(-1, 784))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


class Tagger(nn.Module):
    """Words to a tag each, by an LSTM in both directions. (N, L) to (N, L, 9)."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(1000, 32)
        self.lstm = nn.LSTM(32, 24, num_layers=2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.hidden2tag = nn.Linear(48, 9)

    def forward(self, sentence: Tensor) -> Tensor:
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds)
        tag_space = self.hidden2tag(self.dropout(lstm_out))
        return F.log_softmax(tag_space, dim=-1)


def _image(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _words(*shape: int) -> Tensor:
    return torch.randint(0, 100, shape, generator=torch.Generator().manual_seed(0))


MODELS: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "resnet18": (resnet18, _image(1, 3, 64, 64)),
    "resnet50": (resnet50, _image(1, 3, 64, 64)),
    "unet_published": (lambda: UNet(8), _image(1, 1, 64, 64)),
    "vision_transformer": (VisionTransformer, _image(1, 3, 32, 32)),
    "text_encoder": (TextEncoder, _words(2, 7)),
    "vae": (VAE, _image(4, 1, 28, 28)),
    "tagger": (Tagger, _words(2, 7)),
}
