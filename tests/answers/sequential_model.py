# %% right direct-calls
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        return x


# %% right sequential
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x)


# %% right registered-twice
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.seq = nn.Sequential(self.conv1, self.conv2)

    def forward(self, x):
        return self.seq(x)


# %% right second-made-first
# roles: first=m.a, second=m.b
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Conv2d(16, 32, 3, padding=1)
        self.a = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        return self.b(self.a(x))


# %% right module-list-loop
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList()
        for i, o in ((3, 16), (16, 32)):
            self.layers.append(nn.Conv2d(i, o, 3, padding=1))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


# %% right ordered-dict
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        from collections import OrderedDict
        self.layers = nn.Sequential(OrderedDict(first=nn.Conv2d(3, 16, 3, padding=1), second=nn.Conv2d(16, 32, 3, padding=1)))

    def forward(self, x):
        return self.layers(x)


# %% right add-module
# roles: first=m._modules['0'], second=m._modules['1']
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module('0', nn.Conv2d(3, 16, 3, padding=1))
        self.add_module('1', nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        for module in self.children():
            x = module(x)
        return x


# %% right no-bias
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding='same', bias=False), nn.Conv2d(16, 32, 3, padding='same', bias=False))

    def forward(self, x):
        return self.layers.forward(x)


# %% right lazy
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.LazyConv2d(16, 3, padding=1), nn.LazyConv2d(32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% right with-identity-and-zero-dropout
# roles: first=m.layers[1], second=m.layers[3]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Identity(), nn.Conv2d(3, 16, 3, padding=1), nn.Dropout(0.0), nn.Conv2d(16, 32, 3, padding=1), nn.Identity())

    def forward(self, x):
        return self.layers(x)


# %% right pad-layers
# roles: first=m.layers[1], second=m.layers[3]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(3, 16, 3), nn.ConstantPad2d(1, 0.0), nn.Conv2d(16, 32, 3))

    def forward(self, x):
        return self.layers(x)


# %% right nested-sequentials
# roles: first=m.net[0][0], second=m.net[1][0][0]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 16, 3, padding=1)), nn.Sequential(nn.Sequential(nn.Conv2d(16, 32, 3, padding=1))))

    def forward(self, x):
        return self.net(x)


# %% wrong transpose-convolution -> none
# roles: none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 32, 3, padding=1)

    def forward(self, x):
        return self.up(self.conv1(x))


# %% wrong split-first-convolution -> none
# roles: none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(3, 8, 3, padding=1)
        self.right = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        return self.last(torch.cat([self.left(x), self.right(x)], dim=1))


# %% right functional-dictionary
# roles: first=(m.p['w1'], m.p['b1']), second=(m.p['w2'], m.p['b2'])
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.ParameterDict({'w2': torch.randn(32, 16, 3, 3) / 12, 'w1': torch.randn(16, 3, 3, 3) / 5, 'b1': torch.zeros(16), 'b2': torch.zeros(32)})

    def forward(self, x):
        h = torch.conv2d(x, self.p['w1'], self.p['b1'], 1, 1)
        return torch.conv2d(h, self.p['w2'], self.p['b2'], stride=1, padding=1)


# %% right memory-format
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        return self.conv2(self.conv1(x)).contiguous()


# %% right double
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )
        self.double()

    def forward(self, x):
        return self.layers(x.double())


# %% right image-by-image
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return torch.cat([self.layers(part) for part in x.split(1)])


# %% right three-dimensional
# roles: first=(m.a.weight.squeeze(2), m.a.bias), second=(m.b.weight.squeeze(2), m.b.bias)
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv3d(3, 16, (1, 3, 3), padding=(0, 1, 1))
        self.b = nn.Conv3d(16, 32, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, x):
        return self.b(self.a(x.unsqueeze(2))).squeeze(2)


# %% right prints-shapes
    def forward(self, x):
        print(x.shape)
        x = self.conv1(x)
        print('after conv1', x.shape)
        x = self.conv2(x)
        print('after conv2', x.shape, x.mean().item())
        return x


# %% right unused-relu
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.layers(x)


# %% right subclass-of-sequential
# roles: first=m[0], second=m[1]
class SequentialModel(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 16, kernel_size=3, stride=1, padding=1, dilation=1, groups=1),
            nn.Conv2d(16, 32, kernel_size=3, padding=(1, 1)),
        )


# %% right recursive-builder
# roles: first=m.net[0], second=m.net[1]
def build(widths):
    i, o, *rest = widths
    layer = nn.Conv2d(i, o, 3, padding=1)
    return nn.Sequential(layer, build([o, *rest])) if rest else layer


class SequentialModel(nn.Module):
    def __init__(self, widths=(3, 16, 32)):
        super().__init__()
        self.net = build(list(widths))

    def forward(self, x):
        return self.net(x)


# %% right call-overridden
# roles: first=m.head, second=m.tail
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 16, 3, padding=1)
        self.tail = nn.Conv2d(16, 32, 3, padding=1)

    def __call__(self, x):
        return super().__call__(x)

    def step(self, x, name):
        return getattr(self, name)(x)

    def forward(self, x):
        for name in ("head", "tail"):
            x = self.step(x, name)
        return x


# %% right forward-assigned-later
# roles: first=m.stages[0], second=m.stages[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        stages = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)]
        self.stages = nn.Sequential(*stages)
        self.stage_list = stages


SequentialModel.forward = lambda self, x: self.stages(x)


# %% wrong adds -> adds|none
# roles: none
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + self.conv2(out1)


# %% wrong adds-mismatched -> adds
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% wrong parallel-sum -> parallel-branches
# roles: none
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 32, 3, padding=1)
    def forward(self, x):
        return self.conv1(x) + self.conv2(x)


# %% wrong sees-x-sequential -> every-layer-sees-x
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(3, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong sees-x-direct -> every-layer-sees-x
        self.conv2 = nn.Conv2d(3, 32, 3, padding=1)
    def forward(self, x):
        out = self.conv1(x)
        out = self.conv2(x)
        return out


# %% wrong sees-x-wrong-variable -> every-layer-sees-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(x)
        return out2


# %% wrong reversed-sequential -> reversed-order
# roles: first=m.layers[1], second=m.layers[0]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(3, 16, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong reversed-calls -> reversed-order
    def forward(self, x):
        return self.conv1(self.conv2(x))


# %% wrong channels-swapped -> channels-swapped
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 16, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong arguments-swapped -> none|reversed-order
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(16, 3, 3, padding=1), nn.Conv2d(32, 16, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong first-only -> first-only
    def forward(self, x):
        x1 = self.conv1(x)
        x2 = self.conv2(x1)
        return x1


# %% wrong cat-of-both -> concatenated
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
    def forward(self, x):
        a = self.conv1(x)
        return torch.cat([a, self.conv2(a)], 1)


# %% wrong cat-48 -> concatenated
    def forward(self, x):
        a = self.conv1(x)
        return torch.cat([a, self.conv2(a)], 1)


# %% wrong pair-returned -> returns-both
    def forward(self, x):
        a = self.conv1(x)
        return a, self.conv2(a)


# %% wrong list-in-sequential -> list-in-sequential
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential([nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)])

    def forward(self, x):
        return self.layers(x)


# %% wrong tuple-in-sequential -> list-in-sequential|none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential((nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)))

    def forward(self, x):
        return self.layers(x)


# %% wrong class-as-layer -> class-as-layer
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU, nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong identity-class-as-layer -> class-as-layer|none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1), nn.Identity)

    def forward(self, x):
        return self.layers(x)


# %% wrong function-as-layer -> function-as-layer
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), F.relu, nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong lambda-as-layer -> function-as-layer|none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), lambda t: t, nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong modulelist-called -> modulelist-called
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)])

    def forward(self, x):
        return self.layers(x)


# %% wrong moduledict-called -> modulelist-called|none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict({'a': nn.Conv2d(3, 16, 3, padding=1), 'b': nn.Conv2d(16, 32, 3, padding=1)})

    def forward(self, x):
        return self.layers(x)


# %% wrong python-list-called -> list-called
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)]

    def forward(self, x):
        return self.layers(x)


# %% wrong python-list -> python-list
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


# %% wrong tuple-of-layers -> python-list
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = (nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


# %% wrong lambda-keeps-layers -> python-list
# roles: first=m.hidden[0], second=m.hidden[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        a, b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.run = lambda x: b(a(x))
        self.hidden = (a, b)

    def forward(self, x):
        return self.run(x)


# %% wrong no-padding -> no-padding
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 3))

    def forward(self, x):
        return self.layers(x)


# %% wrong valid-padding -> no-padding
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding='valid'), nn.Conv2d(16, 32, 3, padding=0))

    def forward(self, x):
        return self.layers(x)


# %% wrong padding-in-stride-place -> none|strided
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, 1), nn.Conv2d(16, 32, 3, 1, 2))

    def forward(self, x):
        return self.layers(x)


# %% wrong one-padding-missing -> no-padding
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3))

    def forward(self, x):
        return self.layers(x)


# %% wrong padding-two -> too-much-padding
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=2), nn.Conv2d(16, 32, 3, padding=2))

    def forward(self, x):
        return self.layers(x)


# %% wrong padding-two-then-none -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=2), nn.Conv2d(16, 32, 3, padding=0))

    def forward(self, x):
        return self.layers(x)


# %% wrong stride-two -> strided
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong kernel-5 -> other-kernel
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2))

    def forward(self, x):
        return self.layers(x)


# %% wrong kernel-1 -> other-kernel
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Conv2d(16, 32, 1))

    def forward(self, x):
        return self.layers(x)


# %% wrong kernel-3-then-1 -> none|other-kernel
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 1))

    def forward(self, x):
        return self.layers(x)


# %% wrong relu-between -> relu-implied
# roles: first=m.layers[0], second=m.layers[2]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong relu-functional -> relu-implied
    def forward(self, x):
        return self.conv2(F.relu(self.conv1(x)))


# %% wrong relu-last -> relu-implied
    def forward(self, x):
        return torch.relu(self.conv2(self.conv1(x)))


# %% wrong relu-twice -> relu-implied
    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))))


# %% wrong leaky-relu -> none|relu-implied
    def forward(self, x):
        return self.conv2(F.leaky_relu(self.conv1(x)))


# %% wrong batch-norm -> batch-norm-added
# roles: first=m.layers[0], second=m.layers[2]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong max-pool -> none|strided
# roles: first=m.layers[0], second=m.layers[2]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong three-layers -> extra-layer
# roles: none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong one-layer -> every-layer-sees-x|one-layer
# roles: none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


# %% wrong flattened -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x).flatten(1)


# %% wrong softmax -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x).softmax(1)


# %% wrong detached-between -> detached
    def forward(self, x):
        return self.conv2(self.conv1(x).detach())


# %% wrong no-grad -> no-gradient
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        with torch.no_grad():
            return self.layers(x)


# %% wrong inference-mode -> no-gradient|none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        with torch.inference_mode():
            return self.layers(x)


# %% wrong frozen -> layers-frozen
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )
        self.requires_grad_(False)

    def forward(self, x):
        return self.layers(x)


# %% wrong nothing-returned -> no-return
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        self.layers(x)


# %% wrong layers-returned -> returns-layers|none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers


# %% wrong two-inputs -> two-inputs
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x, x)


# %% wrong super-missing -> no-super-init
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x)


# %% wrong super-not-called -> no-super-init
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self, x=super):
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x)


# %% wrong self-missing -> forward-without-self
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(x):
        return x


# %% wrong init-without-self -> init-without-self
class SequentialModel(nn.Module):
    def __init__():
        super().__init__()

    def forward(self, x):
        return x


# %% wrong init-misspelled -> none|no-init
class SequentialModel(nn.Module):
    def _init_(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x)


# %% wrong no-forward -> no-forward
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def run(self, x):
        return self.layers(x)


# %% wrong not-a-module -> not-a-module-class
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(object):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.Conv2d(16, 32, 3, padding=1),
        )

    def forward(self, x):
        return self.layers(x)


# %% wrong sequential-itself -> instance
SequentialModel = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1))


# %% wrong class-unfinished -> no-forward
class SequentialModel(nn.Module):
    pass


# %% wrong not-implemented -> untouched
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        raise NotImplementedError('write me')


# %% wrong module-name-missing -> none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        return self.conv2(self.conv1(x))


# %% wrong made-in-forward -> layers-in-forward
# roles: none
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        pass

    def forward(self, x):
        layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1))
        return layers(x)


# %% wrong wrong-first-width -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong grouped -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1, groups=2))

    def forward(self, x):
        return self.layers(x)


# %% wrong circular-padding -> none
# roles: first=m.layers[0], second=m.layers[1]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, padding_mode='circular'), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong dropout-between -> none
# roles: first=m.layers[0], second=m.layers[2]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Dropout2d(0.5), nn.Conv2d(16, 32, 3, padding=1))

    def forward(self, x):
        return self.layers(x)


# %% wrong noise-added -> none
    def forward(self, x):
        return self.conv2(self.conv1(x)) + 0.01 * torch.randn(1)


# %% wrong relu-and-no-padding -> no-padding|relu-implied|none
# roles: first=m.layers[0], second=m.layers[2]
class SequentialModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU())

    def forward(self, x):
        return self.layers(x)
