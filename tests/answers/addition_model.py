# %% right plain
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% right torch-add
        return torch.add(out1, out2)


# %% right method-add
        return out1.add(out2)


# %% right stack-sum
        return torch.stack([out1, out2]).sum(0)


# %% right python-sum
        return sum([out1, out2])


# %% right minus-minus
        return out1 - (-out2)


# %% right clone-first
        return out1.clone() + out2


# %% right twice-the-mean
        return torch.stack((out1, out2), dim=-1).mean(-1) * 2


# %% right einsum-over-stack
        return torch.einsum('knchw->nchw', torch.stack([out1, out2]))


# %% right lerp-doubled
        return 2 * torch.lerp(out1, out2, 0.5)


# %% right cat-and-fold
        return torch.cat([out1, out2], 1).unflatten(1, (2, 16)).sum(1)


# %% right weighted-by-one
        return 1.0 * out1 + 1.0 * out2


# %% right sub-alpha
        return torch.sub(out2, out1, alpha=-1)


# %% right in-place-on-out2
        out2 += out1
        return out2


# %% right in-place-method-on-out2
        return out2.add_(out1)


# %% right one-line
    def forward(self, x):
        return (h := self.conv1(x)) + self.conv2(h)


# %% right first-run-twice
    def forward(self, x):
        return self.conv1(x) + self.conv2(self.conv1(x))


# %% right layers-in-other-order
# roles: first=m.start, second=m.last
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(16, 16, 3, padding=1)
        self.start = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        h = self.start(x)
        return h + self.last(h)


# %% right no-bias
        self.conv1 = nn.Conv2d(3, 16, kernel_size=(3, 3), padding=(1, 1), bias=False)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding='same', bias=False)


# %% right one-bias-only
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)


# %% right registered-twice
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.layers = nn.Sequential(self.conv1, self.conv2)

    def forward(self, x):
        out1 = self.layers[0](x)
        return out1 + self.layers[1](out1)


# %% right module-list
# roles: first=m.convs[0], second=m.convs[1]
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(c, 16, 3, padding=1) for c in (3, 16)])

    def forward(self, x):
        total = 0
        for conv in self.convs:
            x = conv(x)
            total = total + x
        return total


# %% right module-dict-reversed
# roles: first=m.net['a'], second=m.net['b']
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.ModuleDict({'b': nn.Conv2d(16, 16, 3, padding=1), 'a': nn.Conv2d(3, 16, 3, padding=1)})

    def forward(self, x):
        y = self.net['a'](x)
        return y + self.net['b'](y)


# %% right setattr-loop
# roles: first=m.layer0, second=m.layer1
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        for i, c in enumerate((3, 16)):
            setattr(self, f'layer{i}', nn.Conv2d(c, 16, 3, padding=1))

    def forward(self, x):
        a = getattr(self, 'layer0')(x)
        b = getattr(self, 'layer1')(a)
        return a + b


# %% right lazy
        self.conv1 = nn.LazyConv2d(16, 3, padding=1)
        self.conv2 = nn.LazyConv2d(16, 3, padding=1)


# %% right double
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.double()

    def forward(self, x):
        x = x.double()
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% right double-uncast
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1).double()
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1).double()


# %% right unused-state
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.relu = nn.ReLU()
        self.old = nn.Conv2d(16, 8, 1)
        self.register_buffer('calls', torch.zeros(1))
        self.name = 'mine'

    def forward(self, x):
        self.calls += 1
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        self.out1 = out1
        return out1 + out2


# %% right prints-and-warns
    def forward(self, x):
        import warnings
        print('x', x.shape)
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        print(out1.shape, out2.shape)
        warnings.warn('shapes agree')
        assert out1.shape == out2.shape
        return out1 + out2


# %% right own-initialisation
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        torch.manual_seed(1234)
        for layer in (self.conv1, self.conv2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


# %% right explicit-pad
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.pad = nn.ZeroPad2d(1)
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        out1 = self.conv1(self.pad(x))
        out2 = self.conv2(F.pad(out1, (1, 1, 1, 1)))
        return out1 + out2


# %% right functional-raw
# roles: first=(m.w1, m.b1), second=(m.w2, m.b2)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(16, 3, 3, 3) * 0.1)
        self.b1 = nn.Parameter(torch.zeros(16))
        self.w2 = nn.Parameter(torch.randn(16, 16, 3, 3) * 0.1)
        self.b2 = nn.Parameter(torch.zeros(16))

    def forward(self, x):
        out1 = F.conv2d(x, self.w1, self.b1, padding=1)
        out2 = F.conv2d(out1, self.w2, self.b2, padding=1)
        return out1 + out2


# %% right parameter-list
# roles: first=(m.w[1], None), second=(m.w[0], None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.ParameterList([nn.Parameter(torch.randn(16, 16, 3, 3)), nn.Parameter(torch.randn(16, 3, 3, 3))])

    def forward(self, x):
        out1 = F.conv2d(x, self.w[1], padding=1)
        return F.conv2d(out1, self.w[0], padding='same') + out1


# %% right bias-added-by-hand
# roles: first=(m.conv1.weight, m.b1.flatten()), second=(m.conv2.weight, m.b2.flatten())
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.b1 = nn.Parameter(torch.zeros(16, 1, 1))
        self.b2 = nn.Parameter(torch.zeros(1, 16, 1, 1))

    def forward(self, x):
        out1 = self.conv1(x) + self.b1
        return out1 + self.conv2(out1) + self.b2


# %% right unfold-matmul
# roles: first=(m.w1.weight.reshape(16, 3, 3, 3), m.w1.bias), second=(m.w2.weight.reshape(16, 16, 3, 3), m.w2.bias)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Linear(27, 16)
        self.w2 = nn.Linear(144, 16)

    def forward(self, x):
        n, _, h, w = x.shape
        out1 = self.w1(F.unfold(x, 3, padding=1).transpose(1, 2)).transpose(1, 2).reshape(n, 16, h, w)
        out2 = self.w2(F.unfold(out1, 3, padding=1).transpose(1, 2)).transpose(1, 2).reshape(n, 16, h, w)
        return out1 + out2


# %% right sum-of-shifts
# roles: first=(m.w1, None), second=m.conv2
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(16, 3, 3, 3) * 0.2)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        h, w = x.shape[2:]
        padded = F.pad(x, (1, 1, 1, 1))
        out1 = sum(torch.einsum('oc,nchw->nohw', self.w1[:, :, i, j], padded[:, :, i:i + h, j:j + w]) for i in range(3) for j in range(3))
        return out1 + self.conv2(out1)


# %% right image-by-image
    def forward(self, x):
        images = []
        for image in x:
            out1 = self.conv1(image)
            images.append(out1 + self.conv2(out1))
        return torch.stack(images)


# %% right checkpointed
    def forward(self, x):
        from torch.utils.checkpoint import checkpoint
        out1 = checkpoint(self.conv1, x, use_reentrant=False)
        out2 = checkpoint(self.conv2, out1, use_reentrant=False)
        return out1 + out2


# %% right weight-norm
    def __init__(self):
        super().__init__()
        wn = torch.nn.utils.parametrizations.weight_norm
        self.conv1 = wn(nn.Conv2d(3, 16, 3, padding=1))
        self.conv2 = wn(nn.Conv2d(16, 16, 3, padding=1))


# %% right hook-keeps-out1
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.kept = {}
        self.conv1.register_forward_hook(lambda module, inputs, output: self.kept.update(out1=output))

    def forward(self, x):
        y = self.conv2(self.conv1(x))
        return self.kept['out1'] + y


# %% right hook-adds
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv2.register_forward_hook(lambda module, inputs, output: output + inputs[0])

    def forward(self, x):
        return self.conv2(self.conv1(x))


# %% right dropout-of-zero
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.drop = nn.Dropout(p=0.0)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.drop(out1) + nn.Identity()(out2)


# %% right extra-arguments
    def forward(self, x, verbose=False, scale=1.0):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        if verbose:
            print(out1.mean())
        return scale * (out1 + out2)


# %% right arguments-with-defaults
    def __init__(self, channels=3, hidden=16, **options):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1)


# %% right skip-module
# roles: first=m.net[0], second=m.net[1].inner
class Skip(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), Skip(nn.Conv2d(16, 16, 3, padding=1)))

    def forward(self, x):
        return self.net(x)


# %% right sequential-subclass
# roles: first=m[0], second=m[1]
class AdditionModel(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1))

    def forward(self, x):
        outs = []
        for layer in self:
            x = layer(x)
            outs.append(x)
        return outs[0] + outs[1]


# %% right reads-its-own-sequence-backwards
# roles: first=m.seq[1], second=m.seq[0]
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.seq = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(3, 16, 3, padding=1))

    def forward(self, x):
        start = self.seq[1](x)
        return self.seq[:1](start) + start


# %% right nested-modules-and-property
# roles: first=m._a.body['conv'], second=m._b.body['conv']
class Stage(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.body = nn.ModuleDict(dict(conv=nn.Conv2d(cin, cout, 3, 1, 1)))

    def forward(self, t):
        return self.body["conv"](t)


class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self._b, self._a = Stage(16, 16), Stage(3, 16)

    @property
    def first(self):
        return self._a

    def forward(self, *args):
        (x,) = args
        out1 = self.first(x)
        return torch.add(input=out1, other=self._b(out1))


# %% right factory-and-inheritance
# roles: first=m.layers[0], second=m.layers[1]
from functools import partial, reduce
import operator

conv3 = partial(nn.Conv2d, kernel_size=3, padding=1)


class Base(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.widths = widths
        self.build()

    def build(self):
        self.layers = nn.ModuleList(conv3(a, b) for a, b in zip(self.widths, self.widths[1:]))

    def outputs(self, x):
        for layer in self.layers:
            x = layer(x)
            yield x


class AdditionModel(Base):
    def __init__(self):
        super().__init__((3, 16, 16))

    def forward(self, x):
        return reduce(operator.add, self.outputs(x))


# %% right made-with-type
def _init(self):
    nn.Module.__init__(self)
    self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
    self.conv2 = nn.Conv2d(16, 16, 3, padding=1)


def _forward(self, x):
    out1 = self.conv1(x)
    return out1 + self.conv2(out1)


AdditionModel = type("AdditionModel", (nn.Module,), {"__init__": _init, "forward": _forward})


# %% right own-conv-class
class Conv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(o, i, 3, 3))
        self.bias = nn.Parameter(torch.empty(o))
        nn.init.kaiming_normal_(self.weight)
        nn.init.uniform_(self.bias)

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1) + self.bias.view(1, -1, 1, 1)


class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Conv(3, 16)
        self.conv2 = Conv(16, 16)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% right flat-vector-of-weights
# roles: first=(m.theta[:432].view(16, 3, 3, 3), None), second=(m.theta[432:].view(16, 16, 3, 3), None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.randn(16 * 27 + 16 * 144) * 0.1)

    def forward(self, x):
        w1, w2 = self.theta.split([16 * 27, 16 * 144])
        out1 = F.conv2d(x, w1.view(16, 3, 3, 3), padding=1)
        return out1 + F.conv2d(out1, w2.view(16, 16, 3, 3), padding=1)


# %% right masked-kernel
# roles: first=m.conv1, second=(m.conv2.weight * m.mask, m.conv2.bias)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        mask = torch.ones(16, 16, 3, 3)
        mask[:, :, 0, 0] = 0
        self.register_buffer("mask", mask)

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + F.conv2d(out1, self.conv2.weight * self.mask, self.conv2.bias, padding=1)


# %% right scaled-kernels
# roles: first=(m.first * m.scale, None), second=(m.second * m.scale, None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(16, 3, 3, 3))
        self.second = nn.Parameter(torch.randn(16, 16, 3, 3))
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        out1 = F.conv2d(x, self.first * self.scale, padding=1)
        return out1 + F.conv2d(out1, self.second * self.scale, padding=1)


# %% wrong chain-only -> stacking-only
        return out2


# %% wrong chain-only-sequential -> stacking-only
# roles: first=m.net[0], second=m.net[1]
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1))

    def forward(self, x):
        return self.net(x)


# %% wrong sum-forgotten -> stacking-only
        out1 + out2
        return out2


# %% wrong first-returned -> first-only
        return out1


# %% wrong skip-from-input -> skip-from-x
        return x + out2


# %% wrong skip-from-input-residual-style -> skip-from-x
    def forward(self, x):
        identity = x
        x = self.conv1(x)
        x = self.conv2(x)
        x += identity
        return x


# %% wrong projects-the-input -> projected-x
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.skip = nn.Conv2d(3, 16, 1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.skip(x) + out2


# %% wrong both-from-input -> parallel-branches
        self.conv2 = nn.Conv2d(3, 16, 3, padding=1)
    def forward(self, x):
        return self.conv1(x) + self.conv2(x)


# %% wrong both-from-input-16 -> parallel-branches
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(x)
        return out1 + out2


# %% wrong reused-name -> first-doubled|second-doubled
    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        return x + x


# %% wrong cat-channels -> concatenated
        return torch.cat((out1, out2), dim=1)


# %% wrong cat-batch -> concatenated
        return torch.cat((out1, out2))


# %% wrong hstack -> concatenated
        return torch.hstack([out1, out2])


# %% wrong stacked -> stacked
        return torch.stack([out1, out2], dim=0)


# %% wrong half -> averaged
        return (out1 + out2) / 2


# %% wrong mean-of-stack -> averaged
        return torch.mean(torch.stack([out1, out2]), dim=0)


# %% wrong half-each -> averaged
        return 0.5 * out1 + 0.5 * out2


# %% wrong product -> multiplied
        return torch.mul(out1, out2)


# %% wrong matmul-operator -> matmul
        return out1 @ out2


# %% wrong matmul-transposed -> none|matmul
        return out1 @ out2.transpose(2, 3)


# %% wrong difference -> subtracted
        return out1 - out2


# %% wrong largest -> maximum
        return torch.max(out1, out2)


# %% wrong scalar-sum -> summed-to-scalar
        return (out1 + out2).sum()


# %% wrong scalar-torch-sum -> summed-to-scalar
        return torch.sum(torch.stack([out1, out2]))


# %% wrong scalar-mean -> mean-to-scalar
        return torch.mean(out1 + out2)


# %% wrong channel-sum -> summed-over-channels
        return (out1 + out2).sum(dim=1)


# %% wrong channel-sum-kept -> none|summed-over-channels
        return (out1 + out2).sum(dim=1, keepdim=True)


# %% wrong in-place-on-out1 -> in-place
        out1 += out2
        return out1


# %% wrong in-place-method-on-out1 -> in-place
        return out1.add_(out2)


# %% wrong in-place-out-argument -> in-place|second-detached|none
        torch.add(out1.data, out2.data, out=out1.data)
        return out1


# %% wrong in-place-slice -> in-place
        out1[:] = out1 + out2
        return out1


# %% wrong detached-skip -> detached
        return out1.detach() + out2


# %% wrong data-skip -> detached
        return out1.data + out2


# %% wrong no-grad-skip -> detached
        with torch.no_grad():
            skip = out1.clone()
        return skip + out2


# %% wrong tensor-copy-of-skip -> detached
    def forward(self, x):
        import copy
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return torch.tensor(out1.tolist(), dtype=out2.dtype) + out2


# %% wrong detached-out2 -> second-detached
        return out1 + out2.detach()


# %% wrong detached-at-first -> first-detached
    def forward(self, x):
        out1 = self.conv1(x).detach()
        return out1 + self.conv2(out1)


# %% wrong detached-between -> detached-before-second
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1.detach())
        return out1 + out2


# %% wrong all-no-grad -> no-gradient
    def forward(self, x):
        with torch.no_grad():
            out1 = self.conv1(x)
            out2 = self.conv2(out1)
        return out1 + out2


# %% wrong detached-result -> no-gradient
        return (out1 + out2).detach()


# %% wrong through-numpy -> no-gradient|none
        return torch.from_numpy(out1.detach().numpy() + out2.detach().numpy())


# %% wrong sum-of-layers -> layers-added
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.sum = self.conv1 + self.conv2

    def forward(self, x):
        return self.sum(x)


# %% wrong sum-of-layers-in-forward -> layers-added
    def forward(self, x):
        return (self.conv1 + self.conv2)(x)


# %% wrong kernel-2 -> even-kernel
        self.conv2 = nn.Conv2d(16, 16, 2, padding=1)


# %% wrong kernel-4 -> even-kernel
        self.conv1 = nn.Conv2d(3, 16, 4, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 4, padding=1)


# %% wrong kernel-5 -> other-kernel
        self.conv1 = nn.Conv2d(3, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 16, 5, padding=2)


# %% wrong 24-channels -> channels-mismatch
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)


# %% wrong sequential-numbers -> channels-mismatch
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)


# %% wrong one-channel-second -> one-channel
        self.conv2 = nn.Conv2d(16, 1, 3, padding=1)


# %% wrong 32-channels-everywhere -> none
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)


# %% wrong padding-left-out -> no-padding
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)


# %% wrong padding-left-out-of-second -> no-padding
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3)


# %% wrong cropped-skip -> none|no-padding
        self.conv2 = nn.Conv2d(16, 16, 3)
        return out1[:, :, 1:-1, 1:-1] + out2


# %% wrong strided-second -> strided
        self.conv2 = nn.Conv2d(16, 16, 3, stride=2, padding=1)


# %% wrong relu-between -> relu-implied
    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        out2 = self.conv2(out1)
        return out1 + out2


# %% wrong relu-after-sum -> relu-implied
        return torch.relu(out1 + out2)


# %% wrong relu-everywhere -> relu-implied|none
    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        out2 = F.relu(self.conv2(out1))
        return F.relu(out1 + out2)


# %% wrong both-returned -> returns-both
        return out1, out2


# %% wrong list-returned -> returns-both|none
        return [out1, out2]


# %% wrong nothing-returned -> no-return
        out = out1 + out2


# %% wrong printed-not-returned -> no-return
        print(out1 + out2)


# %% wrong super-missing -> no-super-init
    def __init__(self):
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)


# %% wrong super-last -> no-super-init
    def __init__(self):
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        super().__init__()


# %% wrong layers-in-a-list -> python-list
# roles: first=m.layers[0], second=m.layers[1]
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)]

    def forward(self, x):
        out1 = self.layers[0](x)
        return out1 + self.layers[1](out1)


# %% wrong layers-in-a-dict -> python-list
# roles: first=m.layers['a'], second=m.layers['b']
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = {'a': nn.Conv2d(3, 16, 3, padding=1), 'b': nn.Conv2d(16, 16, 3, padding=1)}

    def forward(self, x):
        out1 = self.layers['a'](x)
        return out1 + self.layers['b'](out1)


# %% wrong one-layer-in-a-list -> python-list|none
# roles: first=m.conv1, second=m.rest[0]
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.rest = [nn.Conv2d(16, 16, 3, padding=1)]

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + self.rest[0](out1)


# %% wrong made-in-forward -> layers-in-forward
# roles: none
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        pass

    def forward(self, x):
        out1 = nn.Conv2d(3, 16, 3, padding=1)(x)
        out2 = nn.Conv2d(16, 16, 3, padding=1)(out1)
        return out1 + out2


# %% wrong second-made-in-forward -> layers-in-forward|none
# roles: none
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + nn.Conv2d(16, 16, 3, padding=1)(out1)


# %% wrong self-missing -> forward-without-self
    def forward(x):
        return x


# %% wrong forward-misspelled -> no-forward
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def foward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% wrong forward-nested-in-init -> no-forward
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

        def forward(self, x):
            out1 = self.conv1(x)
            return out1 + self.conv2(out1)


# %% wrong three-convolutions -> extra-layer
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + self.conv3(out2)


# %% wrong sum-of-three -> none|extra-layer
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2 + self.conv3(out2)


# %% wrong second-twice -> second-run-twice
        return out1 + self.conv2(out2)


# %% wrong skip-twice -> skip-added-twice
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1) + out1
        return out1 + out2


# %% wrong sum-convolved -> second-reads-sum
        return self.conv2(out1 + out2)


# %% wrong almost -> none
        return out1 + 1.001 * out2


# %% wrong offset -> none
        return out1 + out2 + 0.01


# %% wrong batch-average -> none
        return out1 + out2.mean(0, keepdim=True)


# %% wrong flipped -> none
        return out1 + out2.flip(-1)


# %% wrong transposed-skip -> none
        return out1.transpose(2, 3) + out2


# %% wrong rolled-and-shared-bias -> none
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv1.bias = self.conv2.bias

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2.roll(1, 2)


# %% wrong reflect-padding -> none
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, padding_mode='reflect')
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, padding_mode='reflect')


# %% wrong dilated -> none
        self.conv2 = nn.Conv2d(16, 16, 3, padding=2, dilation=2)


# %% wrong dropout -> none
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + self.drop(out2)


# %% wrong only-in-train -> none
        return out1 + out2 if self.training else out2


# %% wrong skip-only-for-large -> none
        return out1 + out2 if x.shape[-1] >= 8 else out2


# %% wrong shape-of-the-lesson -> none
    def forward(self, x):
        x = x.view(-1, 3, 32, 32)
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% wrong frozen-second -> layers-frozen|none
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv2.requires_grad_(False)


# %% wrong frozen-all -> layers-frozen
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        for p in self.parameters():
            p.requires_grad = False


# %% wrong averaged-and-detached -> averaged|detached|none
        return (out1.detach() + out2) / 2


# %% wrong relu-and-concatenated -> concatenated|relu-implied|none
    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        out2 = F.relu(self.conv2(out1))
        return torch.cat([out1, out2], 1)


# %% wrong input-overwritten -> none
        with torch.no_grad():
            x.zero_()
        return out1 + out2


# %% wrong counts-calls -> none
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.calls = 0

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        self.calls += 1
        return out1 + out2 * (1 if self.calls < 2 else 2)


# %% wrong an-instance -> instance
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


AdditionModel = Model()


# %% wrong a-function -> function
def AdditionModel(x):
    out1 = nn.Conv2d(3, 16, 3, padding=1)(x)
    return out1 + nn.Conv2d(16, 16, 3, padding=1)(out1)


# %% wrong nothing -> missing
AdditionModel = None


# %% wrong kernel-from-a-plain-tensor -> none
# roles: first=m.conv1, second=(m.kernel / 12, None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.kernel = torch.randn(16, 16, 3, 3, requires_grad=True)

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + F.conv2d(out1, self.kernel / 12, padding=1)


# %% wrong kernel-without-a-gradient -> none
# roles: first=m.conv1, second=(m.kernel / 12, None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.kernel = torch.randn(16, 16, 3, 3)

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + F.conv2d(out1, self.kernel / 12, padding=1)


# %% wrong kernel-of-two-tensors -> none
# roles: first=m.conv1, second=((m.gain * m.kernel).detach(), None)
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.kernel = torch.randn(16, 16, 3, 3) / 12
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        out1 = self.conv1(x)
        return out1 + F.conv2d(out1, self.gain * self.kernel, padding=1)
