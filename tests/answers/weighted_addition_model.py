# %% right plain
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% right lerp
        return torch.lerp(out2, out1, self.alpha)


# %% right from-out2
        return out2 + self.alpha * (out1 - out2)


# %% right from-out1
        return out1 - (1 - self.alpha) * (out1 - out2)


# %% right torch-mul-and-add
        return torch.add(torch.mul(self.alpha, out1), torch.mul(torch.sub(1, self.alpha), out2))


# %% right methods
        return out1.mul(self.alpha).add(out2.mul(1 - self.alpha))


# %% right stacked-weights
        return (torch.stack([self.alpha, 1 - self.alpha]).view(2, 1, 1, 1, 1) * torch.stack([out1, out2])).sum(0)


# %% right einsum
        return torch.einsum('k,knchw->nchw', torch.stack([self.alpha, 1.0 - self.alpha]), torch.stack([out1, out2]))


# %% right tensordot
        return torch.tensordot(torch.stack([self.alpha, 1 - self.alpha]), torch.stack([out1, out2]), dims=1)


# %% right minus-out2
        return self.alpha * out1 + out2 - self.alpha * out2


# %% right addcmul
        return torch.addcmul(out2, self.alpha, out1 - out2)


# %% right python-sum
        return sum(w * o for w, o in ((self.alpha, out1), (1 - self.alpha, out2)))


# %% right negated
        return -(self.alpha - 1) * out2 - (-self.alpha) * out1


# %% right expanded
        return self.alpha.expand_as(out1) * out1 + (torch.ones_like(out2) - self.alpha) * out2


# %% right divided-and-multiplied
        return 2 * (self.alpha / 2 * out1 + (1 - self.alpha) / 2 * out2)


# %% right weights-named
        a = self.alpha
        b = 1 - a
        left, right = a * out1, b * out2
        return left + right


# %% right in-place-on-products
        result = self.alpha * out1
        result += (1 - self.alpha) * out2
        return result


# %% right one-element
        self.alpha = nn.Parameter(torch.tensor([0.5]))


# %% right ones-halved
        self.alpha = nn.Parameter(torch.ones(1) / 2)
        return torch.lerp(out2, out1, self.alpha)


# %% right full
        self.alpha = nn.Parameter(torch.full((), 0.5), requires_grad=True)


# %% right zeros-plus-half
        self.alpha = nn.Parameter(0.5 + torch.zeros(()))


# %% right filled-later
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.empty(1))
        nn.init.constant_(self.alpha, 0.5)


# %% right register-parameter
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.register_parameter('alpha', nn.Parameter(torch.tensor(0.5)))


# %% right setattr
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        setattr(self, 'alpha', nn.parameter.Parameter(data=torch.as_tensor(0.5)))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        w = getattr(self, 'alpha')
        return w * out1 + (1 - w) * out2


# %% right alpha-first-and-layers-swapped
# roles: first=m.a, second=m.b
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.b = nn.Conv2d(16, 16, 3, padding=1)
        self.a = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        o = self.a(x)
        return self.alpha * o + (1 - self.alpha) * self.b(o)


# %% right no-bias
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)


# %% right lazy
        self.conv1 = nn.LazyConv2d(16, 3, padding=1)
        self.conv2 = nn.LazyConv2d(16, 3, padding='same')


# %% right double
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.double()

    def forward(self, x):
        x = x.to(self.alpha.dtype)
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% right registered-twice-with-dict
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.params = nn.ParameterDict({'alpha': torch.tensor(0.5)})
        self.alpha = self.params['alpha']
        self.layers = nn.Sequential(self.conv1, self.conv2)


# %% right blended-weights
    def forward(self, x):
        out1 = self.conv1(x)
        beta = 1 - self.alpha
        return self.alpha * out1 + F.conv2d(out1, beta * self.conv2.weight, beta * self.conv2.bias, padding=1)


# %% right functional
# roles: first=(m.k1, None), second=(m.k2, None)
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.k1 = nn.Parameter(torch.randn(16, 3, 3, 3) / 5)
        self.k2 = nn.Parameter(torch.randn(16, 16, 3, 3) / 12)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = F.conv2d(x, self.k1, padding=1)
        out2 = F.conv2d(out1, self.k2, padding=1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% right loop-with-weights
# roles: first=m.convs[0], second=m.convs[1]
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 16, 3, 1, 1), nn.Conv2d(16, 16, 3, 1, 1)])
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out = 0
        for weight, conv in zip((self.alpha, 1 - self.alpha), self.convs):
            x = conv(x)
            out = out + weight * x
        return out


# %% right unused-state
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.beta = 0.5
        self.register_buffer('one_half', torch.tensor(0.5))
        self.history = []

    def forward(self, x):
        self.history.append(self.alpha.item())
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        self.last = (out1, out2)
        print('alpha is', float(self.alpha))
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% right hook-weighs
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.conv2.register_forward_hook(lambda m, args, out: self.alpha * args[0] + (1 - self.alpha) * out)

    def forward(self, x):
        return self.conv2(self.conv1(x))


# %% right alpha-with-hook
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.grads = []
        self.alpha.register_hook(lambda g: self.grads.append(g.clone()))


# %% right blend-module-and-property
class Blend(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(start))

    def forward(self, a, b):
        return self.alpha * a + (1 - self.alpha) * b


class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.blend = Blend(0.5)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    @property
    def alpha(self):
        return self.blend.alpha

    def forward(self, x):
        out1 = self.conv1(x)
        return self.blend(out1, self.conv2(out1))


# %% right addition-model-extended
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def join(self, out1, out2):
        return out1 + out2

    def forward(self, x):
        out1 = self.conv1(x)
        return self.join(out1, self.conv2(out1))


class WeightedAdditionModel(AdditionModel):
    def __init__(self, start=0.5):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(start)))

    def join(self, out1, out2):
        return super().join(self.alpha * out1, (1 - self.alpha) * out2)


# %% right class-attribute-default
# roles: first=m.net['first'], second=m.net['second']
class WeightedAdditionModel(nn.Module):
    START = 0.5

    def __init__(self):
        nn.Module.__init__(self)
        self.alpha = nn.Parameter(torch.tensor(self.START))
        self.net = nn.ModuleDict({"second": nn.Conv2d(16, 16, 3, padding=1), "first": nn.Conv2d(3, 16, 3, padding=1)})

    def forward(self, x):
        out1 = self.net["first"](x)
        out2 = self.net["second"](out1)
        return torch.lerp(input=out2, end=out1, weight=self.alpha)


# %% wrong parameter-of-float -> parameter-of-float
        self.alpha = nn.Parameter(0.5)


# %% wrong parameter-of-list -> none|parameter-of-float
        self.alpha = nn.Parameter([0.5])


# %% wrong float-attribute -> plain-float
        self.alpha = 0.5


# %% wrong numpy-float -> plain-float|none
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        import numpy as np
        self.alpha = np.float32(0.5)


# %% wrong class-attribute -> plain-float
class WeightedAdditionModel(nn.Module):
    alpha = 0.5

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong requires-grad-tensor -> tensor-not-registered
        self.alpha = torch.tensor(0.5, requires_grad=True)


# %% wrong requires-grad-method -> tensor-not-registered
        self.alpha = torch.tensor([0.5]).requires_grad_()


# %% wrong plain-tensor -> tensor-not-registered
        self.alpha = torch.tensor(0.5)


# %% wrong variable -> tensor-not-registered
        self.alpha = torch.autograd.Variable(torch.tensor(0.5), requires_grad=True)


# %% wrong buffer -> buffer
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.register_buffer('alpha', torch.tensor(0.5))


# %% wrong buffer-with-gradient -> buffer
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.register_buffer('alpha', torch.tensor(0.5, requires_grad=True))


# %% wrong nn-buffer -> buffer
        self.alpha = nn.Buffer(torch.tensor(0.5))


# %% wrong frozen -> frozen
        self.alpha = nn.Parameter(torch.tensor(0.5), requires_grad=False)


# %% wrong frozen-later -> frozen
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.alpha.requires_grad = False


# %% wrong parameter-in-list -> alpha-missing|python-list
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.params = [nn.Parameter(torch.tensor(0.5))]

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        a = self.params[0]
        return a * out1 + (1 - a) * out2


# %% wrong parameter-made-in-forward -> created-in-forward
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        self.alpha = nn.Parameter(torch.tensor(0.5))
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong local-made-in-forward -> created-in-forward|alpha-missing
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        alpha = nn.Parameter(torch.tensor(0.5))
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return alpha * out1 + (1 - alpha) * out2


# %% wrong tensor-made-in-forward -> created-in-forward|alpha-missing
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        alpha = torch.tensor(0.5, requires_grad=True)
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return alpha * out1 + (1 - alpha) * out2


# %% wrong reset-in-forward -> created-in-forward|none|hard-coded
    def forward(self, x):
        self.alpha = nn.Parameter(torch.tensor(0.5))
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong local-in-init -> local-in-init|alpha-missing
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        alpha = nn.Parameter(torch.tensor(0.5))


# %% wrong other-name -> alpha-missing
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.a = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.a * out1 + (1 - self.a) * out2


# %% wrong capital-name -> alpha-missing
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.Alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.Alpha * out1 + (1 - self.Alpha) * out2


# %% wrong item -> item
        a = self.alpha.item()
        return a * out1 + (1 - a) * out2


# %% wrong float-of-alpha -> item
        a = float(self.alpha)
        return a * out1 + (1 - a) * out2


# %% wrong data -> data|item
        return self.alpha.data * out1 + (1 - self.alpha.data) * out2


# %% wrong detach -> data|item
        a = self.alpha.detach()
        return a * out1 + (1 - a) * out2


# %% wrong no-grad-alpha -> data|item
        with torch.no_grad():
            a = self.alpha * 1
            b = 1 - a
        return a * out1 + b * out2


# %% wrong torch-tensor-of-alpha -> data|item
        a = self.alpha.clone().detach().requires_grad_(True)
        return a * out1 + (1 - a) * out2


# %% wrong one-item -> second-weight-cut
        return self.alpha * out1 + (1 - self.alpha.item()) * out2


# %% wrong first-item -> first-weight-cut
        return self.alpha.detach() * out1 + (1 - self.alpha) * out2


# %% wrong lerp-with-item -> item
        return torch.lerp(out2, out1, self.alpha.item())


# %% wrong reversed -> reversed
        return (1 - self.alpha) * out1 + self.alpha * out2


# %% wrong lerp-reversed -> reversed
        return torch.lerp(out1, out2, self.alpha)


# %% wrong from-out1-reversed -> reversed
        return out1 + self.alpha * (out2 - out1)


# %% wrong no-complement -> no-complement
        return self.alpha * out1 + out2


# %% wrong complement-only -> no-first-weight
        return out1 + (1 - self.alpha) * out2


# %% wrong scaled-branch -> only-second-weighted
        return out1 + self.alpha * out2


# %% wrong alpha-times-sum -> same-weight
        return self.alpha * (out1 + out2)


# %% wrong alpha-on-both -> same-weight
        return self.alpha * out1 + self.alpha * out2


# %% wrong complement-on-both -> same-complement
        return (1 - self.alpha) * (out1 + out2)


# %% wrong brackets-missing -> brackets
        return self.alpha * out1 + 1 - self.alpha * out2


# %% wrong brackets-too-wide -> brackets
        return self.alpha * (out1 + (1 - self.alpha) * out2)


# %% wrong alpha-minus-one -> minus-one|subtracted
        return self.alpha * out1 + (self.alpha - 1) * out2


# %% wrong minus-between -> subtracted|minus-one
        return self.alpha * out1 - (1 - self.alpha) * out2


# %% wrong one-plus-alpha -> plus-alpha
        return self.alpha * out1 + (1 + self.alpha) * out2


# %% wrong weights-added -> added-not-multiplied
        return (self.alpha + out1) + ((1 - self.alpha) + out2)


# %% wrong product-of-both -> multiplied
        return (self.alpha * out1) * ((1 - self.alpha) * out2)


# %% wrong halves -> hard-coded
        return 0.5 * out1 + 0.5 * out2


# %% wrong mean -> hard-coded
        return (out1 + out2) / 2


# %% wrong half-complement -> none
        return self.alpha * out1 + 0.5 * out2


# %% wrong plain-sum -> alpha-unused
        return out1 + out2


# %% wrong chain -> stacking-only
        return out2


# %% wrong first-term-only -> first-only
        return self.alpha * out1


# %% wrong second-term-only -> second-only|none
        return (1 - self.alpha) * out2


# %% wrong alpha-out2-only -> second-only
        return self.alpha * out2


# %% wrong out1-twice -> same-output-twice
        return self.alpha * out1 + (1 - self.alpha) * out1


# %% wrong chained-names -> same-output-twice
    def forward(self, x):
        out = self.conv1(x)
        out = self.conv2(out)
        return self.alpha * out + (1 - self.alpha) * out


# %% wrong blend-halved -> averaged
        return (self.alpha * out1 + (1 - self.alpha) * out2) / 2


# %% wrong concatenated -> concatenated
        return torch.cat([self.alpha * out1, (1 - self.alpha) * out2], dim=1)


# %% wrong scalar -> summed-to-scalar
        return torch.sum(self.alpha * out1 + (1 - self.alpha) * out2)


# %% wrong alpha-of-16 -> per-channel
        self.alpha = nn.Parameter(torch.ones(16) * 0.5)


# %% wrong alpha-of-16-aligned -> per-channel
        self.alpha = nn.Parameter(torch.full((1, 16, 1, 1), 0.5))


# %% wrong alpha-of-16-viewed -> per-channel
        self.alpha = nn.Parameter(0.5 * torch.ones(16))
        a = self.alpha.view(-1, 1, 1)
        return a * out1 + (1 - a) * out2


# %% wrong alpha-of-two -> none|per-channel
        self.alpha = nn.Parameter(torch.tensor([0.5, 0.5]))
        return self.alpha[0] * out1 + self.alpha[1] * out2


# %% wrong starts-at-zero -> alpha-start
        self.alpha = nn.Parameter(torch.zeros(1))


# %% wrong starts-at-one -> alpha-start
        self.alpha = nn.Parameter(torch.tensor(1.0))


# %% wrong starts-at-random -> alpha-start
        self.alpha = nn.Parameter(torch.rand(1))


# %% wrong starts-at-five -> alpha-start
        self.alpha = nn.Parameter(torch.tensor(5.0))


# %% wrong whole-number -> integer-parameter
        self.alpha = nn.Parameter(torch.tensor(1))


# %% wrong sigmoid-of-raw -> squashed|alpha-start
        self.alpha = nn.Parameter(torch.tensor(0.0))
        a = torch.sigmoid(self.alpha)
        return a * out1 + (1 - a) * out2


# %% wrong sigmoid -> squashed
        a = self.alpha.sigmoid()
        return a * out1 + (1 - a) * out2


# %% wrong clamped -> clamped
        a = self.alpha.clamp(0, 1)
        return a * out1 + (1 - a) * out2


# %% wrong absolute -> none
        a = self.alpha.abs()
        return a * out1 + (1 - a) * out2


# %% wrong squared -> none
        return self.alpha ** 2 * out1 + (1 - self.alpha ** 2) * out2


# %% wrong two-parameters -> two-parameters
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.beta = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + self.beta * out2


# %% wrong both-from-input -> parallel-branches
        self.conv2 = nn.Conv2d(3, 16, 3, padding=1)
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(x)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong skip-from-input -> skip-from-x
        return self.alpha * x + (1 - self.alpha) * out2


# %% wrong weighted-before-second -> weighted-too-early
    def forward(self, x):
        out1 = self.alpha * self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + (1 - self.alpha) * out2


# %% wrong out1-overwritten -> in-place
        out1 *= self.alpha
        out2 *= 1 - self.alpha
        return out1 + out2


# %% wrong skip-detached -> detached
        return self.alpha * out1.detach() + (1 - self.alpha) * out2


# %% wrong out2-detached -> second-detached
        return self.alpha * out1 + (1 - self.alpha) * out2.detach()


# %% wrong between-detached -> detached-before-second
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1.detach())
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong all-no-grad -> no-gradient
    def forward(self, x):
        with torch.no_grad():
            out1 = self.conv1(x)
            out2 = self.conv2(out1)
            return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong no-grad-convs -> none|no-gradient
    def forward(self, x):
        with torch.no_grad():
            out1 = self.conv1(x)
            out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong no-padding -> no-padding
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)


# %% wrong 32-channels -> channels-mismatch
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)


# %% wrong one-channel -> one-channel
        self.conv2 = nn.Conv2d(16, 1, 3, padding=1)


# %% wrong relu-between -> relu-implied
    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong relu-after -> relu-implied
        return F.relu(self.alpha * out1 + (1 - self.alpha) * out2)


# %% wrong pair-returned -> returns-both
        return self.alpha * out1, (1 - self.alpha) * out2


# %% wrong nothing-returned -> no-return
        self.result = self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong super-missing -> no-super-init
    def __init__(self):
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.alpha = nn.Parameter(torch.tensor(0.5))


# %% wrong super-missing-alpha-first -> no-super-init
    def __init__(self):
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)


# %% wrong layers-in-a-list -> python-list
# roles: first=m.convs[0], second=m.convs[1]
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)]
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        out1 = self.convs[0](x)
        out2 = self.convs[1](out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong clamped-data -> none
    def forward(self, x):
        self.alpha.data.clamp_(0, 1)
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong drifts -> none
    def forward(self, x):
        with torch.no_grad():
            self.alpha += 0.01
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.alpha * out1 + (1 - self.alpha) * out2


# %% wrong reversed-and-item -> reversed|item|none
        a = self.alpha.item()
        return (1 - a) * out1 + a * out2


# %% wrong buffer-and-reversed -> reversed|buffer|none
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.register_buffer('alpha', torch.tensor(0.5))

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return (1 - self.alpha) * out1 + self.alpha * out2


# %% wrong float-and-no-complement -> no-complement|plain-float|none
        self.alpha = 0.5
        return self.alpha * out1 + out2


# %% wrong eval-uses-half -> none
        a = self.alpha if self.training else 0.5
        return a * out1 + (1 - a) * out2


# %% wrong sigmoid-of-a-raw-tensor -> none|tensor-not-registered
class WeightedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.raw = torch.zeros(1, requires_grad=True)

    @property
    def alpha(self):
        return torch.sigmoid(self.raw)

    def forward(self, x):
        out1 = self.conv1(x)
        return self.alpha * out1 + (1 - self.alpha) * self.conv2(out1)
