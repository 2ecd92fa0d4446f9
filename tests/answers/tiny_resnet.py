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
class TinyResNet(nn.Module):
    def __init__(self, block, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True), block(16, 16, stride=1), block(16, 32, stride=2), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(32, num_classes))

    def forward(self, x):
        return self.net(x)


# %% right keyword-arguments
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


# %% wrong called-in-other-order -> none
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


# %% wrong log-softmax -> softmax
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
