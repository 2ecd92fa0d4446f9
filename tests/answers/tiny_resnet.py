# %% right plain
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% right stem-is-a-convolution
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(x.mean(dim=(2, 3)))


# %% right stem-without-norm
# roles: stem=m.conv, block1=m.a, block2=m.b, fc=m.head
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.a = block(16, 16, 1)
        self.b = block(16, 32, 2)
        self.head = nn.Linear(32, num_classes)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = self.b(self.a(x))
        x = F.adaptive_avg_pool2d(x, (1, 1))
        return self.head(torch.flatten(x, start_dim=1))


# %% right everything-in-one-sequential
# roles: stem=(m.net[0], m.net[1]), block1=m.net[3], block2=m.net[4], fc=m.net[7]
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True), block(16, 16, stride=1), block(16, 32, stride=2), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(32, num_classes))

    def forward(self, x):
        return self.net(x)


# %% right keyword-arguments
# roles: block1=m.first, block2=m.second, fc=m.head
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.head = nn.Linear(in_features=32, out_features=num_classes)
        self.second = block(in_channels=16, out_channels=32, stride=2)
        self.first = block(in_channels=16, out_channels=16)
        self.stem = nn.Conv2d(1, 16, 3, padding='same')

    def forward(self, x):
        x = self.second(self.first(self.stem(x)))
        return self.head(x.mean((-1, -2)))


# %% right module-list
# roles: block1=m.blocks[0], block2=m.blocks[1]
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.ModuleList(block(i, o, s) for i, o, s in [(16, 16, 1), (16, 32, 2)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        for each in self.blocks:
            x = each(x)
        x = self.pool(x)
        return self.fc(x.view(x.size(0), -1))


# %% right average-pool-of-four
        self.pool = nn.AvgPool2d(4)
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(self.pool(x).squeeze(-1).squeeze(-1))


# %% right convolution-as-head
        self.fc = nn.Conv2d(32, num_classes, 1)
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(self.pool(x)).flatten(1)


# %% right lazy-head
        self.fc = nn.LazyLinear(num_classes)


# %% right prints
    def forward(self, x):
        print('in', tuple(x.shape))
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        print('before the pool', tuple(x.shape))
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% right stem-with-norm-alone
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16))
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(F.avg_pool2d(x, 4).flatten(1))


# %% right stem-with-relu-alone
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())


# %% right plain-stem-without-bias
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)


# %% right relu-by-clamp
# roles: stem=(m.conv, m.bn)
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.bn = nn.BatchNorm2d(16)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, 2)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        out = self.bn(self.conv(x)).clamp(min=0)
        out = self.block2(self.block1(out))
        return self.fc(out.flatten(2).mean(2))


# %% right is-a-sequential
# roles: stem=(m[0], m[1]), block1=m[3], block2=m[4], fc=m[7]
class TinyResNet(nn.Sequential):
    def __init__(self, block, num_classes=10):
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            block(16, 16),
            block(16, 32, stride=2),
            nn.AvgPool2d(4),
            nn.Flatten(),
            nn.Linear(32, num_classes),
        )


# %% right module-dict
# roles: stem=m.parts['stem'], block1=m.parts['one'], block2=m.parts['two'], fc=m.parts['head']
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.parts = nn.ModuleDict({'head': nn.Linear(32, num_classes), 'two': block(16, 32, stride=2), 'one': block(16, 16), 'stem': nn.Conv2d(1, 16, (3, 3), padding=(1, 1))})

    def forward(self, x):
        x = F.relu(self.parts['stem'](x))
        x = self.parts['two'](self.parts['one'](x))
        return self.parts['head'](x.mean(3).mean(2))


# %% right weights-of-its-own
# roles: stem=(m.kernel, m.shift), fc=(m.weight, m.bias)
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(16, 1, 3, 3) / 3)
        self.shift = nn.Parameter(torch.zeros(16))
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.weight = nn.Parameter(torch.randn(num_classes, 32) / 6)
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        x = F.conv2d(x, self.kernel, self.shift, padding=1)
        x = self.block2(self.block1(x))
        return F.linear(x.mean((2, 3)), self.weight, self.bias)


# %% right matrix-product
# roles: fc=(m.weight, None)
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.weight = nn.Parameter(torch.randn(num_classes, 32) / 6)

    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return x.mean((2, 3)) @ self.weight.T


# %% right einsum-mean
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(torch.einsum('nchw->nc', x) / 16)


# %% right mean-in-two-steps
        self.pool = nn.Sequential(nn.AvgPool2d(2), nn.AvgPool2d(2))


# %% right head-before-the-mean
        self.fc = nn.Conv2d(32, num_classes, 1)
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(x).mean((2, 3))


# %% right image-by-image
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        rows = [self.fc(self.block2(self.block1(self.stem(image))).mean((2, 3))) for image in x.split(1)]
        return torch.cat(rows)


# %% right nested-modules
# roles: stem=(m.body.stem.conv, m.body.stem.norm), block1=m.body.blocks[0], block2=m.body.blocks[1], fc=m.head.linear
class Stem(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(1, channels, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Body(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem = Stem(16)
        self.blocks = nn.Sequential(block(16, 16), block(16, 32, stride=2))

    def forward(self, x):
        return self.blocks(self.stem(x))


class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = nn.Linear(32, classes)

    def forward(self, maps):
        return self.linear(maps.mean(dim=[2, 3]))


class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.head = Head(num_classes)
        self.body = Body(block)

    def forward(self, x):
        return self.head(self.body(x))


# %% right no-dropout-yet
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Identity(), nn.Dropout(0.0))


# %% right looks-at-shapes
    def forward(self, x):
        n, c, h, w = x.shape
        assert (c, h, w) == (1, 8, 8)
        x = self.block2(self.block1(self.stem(x)))
        logits = self.fc(x.reshape(n, 32, -1).mean(-1))
        assert logits.shape == (n, self.fc.out_features)
        return logits


# %% right blocks-with-an-index
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        for i in (1, 2):
            setattr(self, f'block{i}', block(16, 16 * i, i))
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(x.mean((2, 3)))


# %% right weight-norm-in-the-head
# roles: fc=(m.fc.weight, m.fc.bias)
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(32, num_classes))


# %% wrong own-block -> own-block|none
class Block(nn.Module):
    def __init__(self, i, o, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(o)
        same = stride == 1 and i == o
        self.shortcut = nn.Identity() if same else nn.Sequential(nn.Conv2d(i, o, 1, stride), nn.BatchNorm2d(o))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = Block(16, 16)
        self.block2 = Block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong blocks-unused -> blocks-unused
        self.fc = nn.Linear(16, num_classes)
    def forward(self, x):
        x = self.stem(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong one-block -> one-block
# roles: block1=none, block2=none
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong three-blocks -> none
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)
        self.block3 = block(32, 32)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong same-block-twice -> same-block-twice
# roles: block2=none
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block1(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong block-not-made -> block-not-made
        self.block1 = block
        self.block2 = block


# %% wrong no-stride -> no-stride
        self.block2 = block(16, 32)


# %% wrong stride-in-first -> stride-in-first
        self.block1 = block(16, 16, stride=2)
        self.block2 = block(16, 32)


# %% wrong widens-first -> blocks-reversed
        self.block1 = block(16, 32, stride=2)
        self.block2 = block(32, 32)


# %% wrong called-in-other-order -> other-order
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(x)
        x = self.block1(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong three-input-channels -> three-channels
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())


# %% wrong not-pooled -> not-pooled
        self.fc = nn.Linear(32 * 4 * 4, num_classes)
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(x.flatten(1))


# %% wrong pool-missing -> no-pool
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(x.flatten(1))


# %% wrong max-pool -> max-pool
        self.pool = nn.AdaptiveMaxPool2d(1)


# %% wrong not-flattened -> no-flatten
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(self.pool(x))


# %% wrong flattened-with-batch -> flattened-with-batch
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(self.pool(x).flatten())


# %% wrong ten-classes -> classes-ignored
        self.fc = nn.Linear(32, 10)


# %% wrong softmax -> softmax
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return F.softmax(self.fc(self.pool(x).flatten(1)), dim=1)


# %% wrong log-softmax -> log-softmax
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return F.log_softmax(self.fc(self.pool(x).flatten(1)), dim=1)


# %% wrong softmax-over-batch -> softmax-over-batch|none
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return torch.softmax(self.fc(self.pool(x).flatten(1)), dim=0)


# %% wrong argmax -> argmax
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(self.pool(x).flatten(1)).argmax(dim=1)


# %% wrong blocks-in-a-list -> blocks-hidden
# roles: block1=m.blocks[0], block2=m.blocks[1]
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = [block(16, 16), block(16, 32, stride=2)]
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        for each in self.blocks:
            x = each(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong blocks-in-forward -> blocks-in-forward
# roles: block1=none, block2=none
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.make = block
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.make(16, 16)(x)
        x = self.make(16, 32, stride=2)(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong detached -> detached
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x).detach()
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong batch-mean -> batch-mixed
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return self.fc(x.mean(dim=(0, 2, 3)))


# %% wrong batch-centred -> batch-mixed
        return self.fc(x - x.mean(0))


# %% wrong frozen-blocks -> none|detached
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)
        self.block2.requires_grad_(False)

    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        x = x.detach()
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong logits-of-zero -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        return 0 * self.fc(self.pool(x).flatten(1))


# %% wrong nothing-returned -> no-return
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block2(x)
        self.fc(self.pool(x).flatten(1))


# %% wrong super-missing -> no-super-init
    def __init__(self, block, num_classes=10):
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)


# %% wrong stem-1x1 -> stem-1x1
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 1), nn.BatchNorm2d(16), nn.ReLU())


# %% wrong plain-stem-1x1 -> stem-1x1
        self.stem = nn.Conv2d(1, 16, kernel_size=1, bias=False)


# %% wrong stem-5x5 -> stem-5x5
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU())


# %% wrong stem-unpadded -> stem-unpadded
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU())


# %% wrong plain-stem-unpadded -> stem-unpadded
        self.stem = nn.Conv2d(1, 16, 3)


# %% wrong stem-strided -> none
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU())


# %% wrong stem-of-resnet-18 -> none
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 7, stride=2, padding=3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))


# %% wrong stem-of-two-convolutions -> none
# roles: stem=m.stem[0]
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1))


# %% wrong stem-relu-then-norm -> norm-last
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(16))


# %% wrong stem-sigmoid -> none
# roles: stem=(m.stem[0], m.stem[1])
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Sigmoid())


# %% wrong stem-leaky -> none
# roles: stem=(m.stem[0], m.stem[1])
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.01))


# %% wrong skip-around-first -> skip-around-block
    def forward(self, x):
        x = self.stem(x)
        x = x + self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong skip-around-first-in-place -> skip-around-block
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.stem(x)
        out = self.block1(x)
        out += x
        x = self.block2(out)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong skip-from-stem-to-stem -> none
    def forward(self, x):
        x = self.stem(x)
        x = x + x
        x = self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong sum-of-pixels -> summed
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x.sum(dim=(2, 3)))


# %% wrong plain-stem-sum-of-pixels -> summed
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x.sum((2, 3)))


# %% wrong largest-pixel -> max-pool
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16))
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x.flatten(2).max(dim=2).values)


# %% wrong mean-over-channels -> mean-over-channels
        self.fc = nn.Linear(16, num_classes)
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x.mean(dim=1).flatten(1))


# %% wrong mean-over-height -> none
        self.fc = nn.Linear(128, num_classes)
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x.mean(dim=2).flatten(1))


# %% wrong first-pixel -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(x[:, :, 0, 0])


# %% wrong pool-of-two -> none
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(128, num_classes)


# %% wrong two-linear-layers -> none
# roles: fc=m.fc[0]
        self.fc = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, num_classes))


# %% wrong two-linear-layers-with-relu -> none
# roles: fc=m.fc[0]
        self.fc = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, num_classes))


# %% wrong relu-at-the-end -> relu-on-logits
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return torch.relu(self.fc(self.pool(x).flatten(1)))


# %% wrong relu-before-linear -> relu-before-linear
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(torch.relu(self.pool(x).flatten(1)))


# %% wrong sigmoid-at-the-end -> sigmoid
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return torch.sigmoid(self.fc(self.pool(x).flatten(1)))


# %% wrong softmax-in-the-head -> softmax
# roles: fc=m.fc[0]
        self.fc = nn.Sequential(nn.Linear(32, num_classes), nn.Softmax(dim=1))


# %% wrong plain-stem-log-softmax -> log-softmax
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(self.pool(x).flatten(1)).log_softmax(-1)


# %% wrong softmax-in-eval-mode -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        x = self.fc(self.pool(x).flatten(1))
        return x if self.training else x.softmax(1)


# %% wrong dropout-before-linear -> none
# roles: fc=m.fc[1]
        self.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(32, num_classes))


# %% wrong dropout-at-the-end -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return F.dropout(self.fc(self.pool(x).flatten(1)), 0.2, self.training)


# %% wrong relu-behind-first -> relu-behind-block
    def forward(self, x):
        x = self.stem(x)
        x = torch.relu(self.block1(x))
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong relu-behind-second -> relu-behind-block
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = F.relu(self.block2(x))
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong relu-behind-both -> relu-behind-block
    def forward(self, x):
        x = self.stem(x)
        x = F.relu(self.block1(x))
        x = F.relu(self.block2(x))
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong first-block-twice -> same-block-twice
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong first-block-never-called -> one-block
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong second-block-never-called -> one-block
        self.fc = nn.Linear(16, num_classes)
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong first-result-dropped -> one-block
    def forward(self, x):
        x = self.stem(x)
        self.block1(x)
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong one-block-under-two-names -> same-block-twice
        self.block2 = self.block1
        self.fc = nn.Linear(16, num_classes)


# %% wrong stride-in-both -> stride-in-both
        self.block1 = block(16, 16, 2)


# %% wrong stride-one-by-position -> no-stride
        self.block2 = block(16, 32, 1)


# %% wrong plain-stem-no-stride -> no-stride
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.block2 = block(16, 32)


# %% wrong stride-four -> none
        self.block2 = block(16, 32, stride=4)


# %% wrong widens-in-first-only -> none
        self.block1 = block(16, 32)
        self.block2 = block(32, 32, stride=2)


# %% wrong layer-between-blocks -> none
        self.block1 = nn.Sequential(block(16, 16), nn.Conv2d(16, 16, 1))


# %% wrong norm-between-blocks -> none
        self.block1 = nn.Sequential(block(16, 16), nn.BatchNorm2d(16))


# %% wrong norm-behind-blocks -> none
# roles: block2=m.block2[0]
        self.block2 = nn.Sequential(block(16, 32, stride=2), nn.BatchNorm2d(32))


# %% wrong norm-behind-pool -> norm-behind-pool
# roles: fc=m.fc[1]
        self.fc = nn.Sequential(nn.BatchNorm1d(32), nn.Linear(32, num_classes))


# %% wrong stem-detached -> detached
    def forward(self, x):
        x = self.stem(x)
        x = self.block1(x.detach())
        x = self.block2(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)


# %% wrong blocks-detached -> detached
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        x = self.pool(x).flatten(1)
        return self.fc(x.detach())


# %% wrong features-without-gradient -> detached
    def forward(self, x):
        x = self.stem(x)
        with torch.no_grad():
            x = self.pool(self.block2(self.block1(x)))
        return self.fc(x.flatten(1))


# %% wrong no-gradient-at-all -> no-gradient
    def forward(self, x):
        x = self.stem(x)
        with torch.no_grad():
            x = self.block2(self.block1(x))
            return self.fc(self.pool(x).flatten(1))


# %% wrong input-as-data -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        x.data = x.data.clone()
        x = self.pool(x).flatten(1)
        self.fc.weight.requires_grad_(False)
        return self.fc(x)


# %% wrong default-missing -> no-default
    def __init__(self, block, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)


# %% wrong default-of-1000 -> none
    def __init__(self, block, num_classes=1000):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)


# %% wrong no-number-of-classes -> no-classes-argument
    def __init__(self, block):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)


# %% wrong plain-stem-ten-classes -> classes-ignored
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.fc = nn.Linear(32, 10)


# %% wrong all-in-a-list -> python-list
# roles: stem=(m.layers[0], m.layers[1]), block1=m.layers[3], block2=m.layers[4], fc=m.layers[7]
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.layers = [nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), block(16, 16), block(16, 32, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, num_classes)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


# %% wrong stem-in-a-list -> none
# roles: stem=m.stem[0]
        self.stem = [nn.Conv2d(1, 16, 3, padding=1)]
    def forward(self, x):
        x = self.block2(self.block1(self.stem[0](x)))
        return self.fc(x.mean((2, 3)))


# %% wrong head-in-forward -> layers-in-forward
# roles: fc=none
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x)))
        return nn.Linear(32, self.fc.out_features)(x.mean((2, 3)))


# %% wrong plain-stem-blocks-in-a-list -> blocks-hidden
# roles: block1=m.blocks[0], block2=m.blocks[1]
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.blocks = (block(16, 16), block(16, 32, stride=2))
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.stem(x)
        for each in self.blocks:
            x = each(x)
        return self.fc(x.mean((2, 3)))


# %% wrong stem-frozen -> none
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)
        self.stem.requires_grad_(False)


# %% wrong all-frozen -> layers-frozen
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)
        for parameter in self.parameters():
            parameter.requires_grad_(False)


# %% wrong three-rows-only -> none
    def forward(self, x):
        x = self.pool(self.block2(self.block1(self.stem(x)))).flatten(1)
        return torch.cat([self.fc(x[i : i + 1]) for i in range(min(3, len(x)))])


# %% wrong first-three-rows-right -> none
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
    def forward(self, x):
        x = self.fc(self.pool(self.block2(self.block1(self.stem(x)))).flatten(1))
        return torch.cat([x[:3], 0 * x[3:]])


# %% wrong squeezed-with-batch -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.block2(self.block1(x))
        return self.fc(self.pool(x).squeeze())


# %% wrong input-scaled -> none
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x / 16)))
        return self.fc(self.pool(x).flatten(1))


# %% wrong logits-and-features -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.pool(self.block2(self.block1(x))).flatten(1)
        return self.fc(x), x


# %% wrong logits-scaled -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.pool(self.block2(self.block1(x))).flatten(1)
        return self.fc(x) / 10


# %% wrong logits-normalised -> none
    def forward(self, x):
        x = self.stem(x)
        x = self.fc(self.pool(self.block2(self.block1(x))).flatten(1))
        return x - x.mean(1, keepdim=True)


# %% wrong input-added-to-the-stem -> none
    def forward(self, x):
        x = self.block2(self.block1(self.stem(x) + x))
        return self.fc(self.pool(x).flatten(1))


# %% wrong arguments-swapped -> none
    def __init__(self, num_classes, block=10):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block1 = block(16, 16)
        self.block2 = block(16, 32, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, num_classes)
