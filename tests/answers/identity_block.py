# %% right plain
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% right no-conv-bias
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return torch.relu(out)


# %% right in-place-relu-module
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


# %% right one-sequential
# roles: conv1=m.body[0], bn1=m.body[1], conv2=m.body[3], bn2=m.body[4]
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x):
        return F.relu(x + self.body(x))


# %% right clamp-as-relu
    def forward(self, x):
        out = self.bn1(self.conv1(x)).clamp(min=0)
        out = self.bn2(self.conv2(out)) + x
        return torch.clamp_min(out, 0)


# %% right threshold-as-relu
    def forward(self, x):
        out = F.threshold(self.bn1(self.conv1(x)), 0.0, 0.0)
        out = self.bn2(self.conv2(out))
        return F.relu(torch.add(x, out))


# %% right made-in-reverse
# roles: conv1=m.c1, bn1=m.n1, conv2=m.c2, bn2=m.n2
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.n2 = nn.BatchNorm2d(channels)
        self.c2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.n1 = nn.BatchNorm2d(channels)
        self.c1 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        y = self.c1(x)
        y = self.n1(y).relu()
        y = self.n2(self.c2(y))
        return (y + x).relu()


# %% right module-dict-reversed
# roles: conv1=m.p['c1'], bn1=m.p['n1'], conv2=m.p['c2'], bn2=m.p['n2']
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.p = nn.ModuleDict({'n2': nn.BatchNorm2d(channels), 'c2': nn.Conv2d(channels, channels, 3, padding=1, bias=False), 'n1': nn.BatchNorm2d(channels), 'c1': nn.Conv2d(channels, channels, 3, padding=1, bias=False)})

    def forward(self, x):
        p = self.p
        h = p['n1'](p['c1'](x)).relu_()
        h = p['n2'](p['c2'](h))
        return F.relu(h + x, inplace=True)


# %% right lazy
        self.conv1 = nn.LazyConv2d(channels, 3, padding=1)
        self.bn1 = nn.LazyBatchNorm2d()
        self.conv2 = nn.LazyConv2d(channels, 3, padding=1)
        self.bn2 = nn.LazyBatchNorm2d()


# %% right functional-batch-norm
    def forward(self, x):
        def norm(t, bn):
            return F.batch_norm(t, bn.running_mean, bn.running_var, bn.weight, bn.bias, training=self.training)
        out = norm(self.conv1(x), self.bn1).relu()
        out = norm(self.conv2(out), self.bn2)
        return torch.relu(out + x)


# %% right identity-module
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        self.act = nn.ReLU()

    def forward(self, x):
        out = self.act(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.act(out + self.shortcut(x))


# %% right double
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.double()

    def forward(self, x):
        x = x.double()
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% right cloned-shortcut
    def forward(self, x):
        shortcut = x.clone()
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(torch.stack([shortcut, out]).sum(dim=0))


# %% right conv-bn-helper
# roles: conv1=m[0].inner[0][0], bn1=m[0].inner[0][1], conv2=m[0].inner[2][0], bn2=m[0].inner[2][1]
def conv_bn(channels):
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + x


class IdentityBlock(nn.Sequential):
    def __init__(self, channels):
        inner = nn.Sequential(conv_bn(channels), nn.ReLU(), conv_bn(channels))
        super().__init__(Residual(inner), nn.ReLU())


# %% right own-batch-norm
class Norm(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            with torch.no_grad():
                count = x.numel() / x.shape[1]
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * count / (count - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        shape = (1, -1, 1, 1)
        normal = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return normal * self.weight.view(shape) + self.bias.view(shape)


class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = Norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = Norm(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + x)


# %% wrong no-shortcut -> no-shortcut
        return F.relu(out)


# %% wrong path-only -> no-shortcut
        return out


# %% wrong relu-before-add -> relu-before-add
        return F.relu(out) + x


# %% wrong no-final-relu -> no-final-relu
        return out + x


# %% wrong relu-on-shortcut -> relu-on-shortcut
        return F.relu(out + F.relu(x))


# %% wrong relu-on-both -> relu-on-both
        return F.relu(out) + F.relu(x)


# %% wrong no-inner-relu -> no-inner-relu
    def forward(self, x):
        out = self.bn1(self.conv1(x))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong relu-in-path -> relu-in-path
        return F.relu(F.relu(out) + x)


# %% wrong relu-in-path-no-final -> relu-before-add
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return out + x


# %% wrong relu-before-norm -> relu-before-norm
    def forward(self, x):
        out = self.bn1(F.relu(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong pre-activation -> pre-activation
    def forward(self, x):
        out = self.conv1(F.relu(self.bn1(x)))
        out = self.conv2(F.relu(self.bn2(out)))
        return F.relu(out + x)


# %% wrong pre-activation-no-final -> none|pre-activation|no-final-relu
    def forward(self, x):
        out = self.conv1(F.relu(self.bn1(x)))
        out = self.conv2(F.relu(self.bn2(out)))
        return out + x


# %% wrong no-batch-norm -> no-batch-norm
    def forward(self, x):
        out = F.relu(self.conv1(x))
        out = self.conv2(out)
        return F.relu(out + x)


# %% wrong no-batch-norm-no-relu -> no-batch-norm|no-final-relu|none
    def forward(self, x):
        out = F.relu(self.conv1(x))
        out = self.conv2(out)
        return out + x


# %% wrong no-second-norm -> no-second-norm
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        return F.relu(out + x)


# %% wrong no-first-norm -> no-first-norm
    def forward(self, x):
        out = F.relu(self.conv1(x))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong norm-after-add -> norm-after-add
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out) + x)
        return F.relu(out)


# %% wrong shared-norm -> shared-norm
# roles: conv1=m.conv1, bn1=m.bn, conv2=m.conv2, bn2=m.bn
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn(self.conv1(x)))
        out = self.bn(self.conv2(out))
        return F.relu(out + x)


# %% wrong shared-conv -> shared-conv
# roles: conv1=m.conv, bn1=m.bn1, conv2=m.conv, bn2=m.bn2
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv(x)))
        out = self.bn2(self.conv(out))
        return F.relu(out + x)


# %% wrong one-convolution -> one-convolution
# roles: none
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)) + x)


# %% wrong second-reads-x -> one-convolution|second-reads-x
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(x))
        return F.relu(out + x)


# %% wrong shortcut-renamed-away -> no-shortcut|none|path-doubled
    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return F.relu(x + x)


# %% wrong shortcut-from-hidden -> shortcut-from-hidden
    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(x))
        return F.relu(out + x)


# %% wrong projects-x -> projects-x
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


# %% wrong detached -> detached
        return F.relu(out + x.detach())


# %% wrong path-detached -> path-detached
        return F.relu(out.detach() + x)


# %% wrong no-grad-path -> path-detached|none
    def forward(self, x):
        with torch.no_grad():
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong input-overwritten -> in-place
        x += out
        return F.relu(x)


# %% wrong in-place-relu-on-input -> input-relu-in-place|none
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        self.relu(x)
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + x)


# %% wrong concatenated -> concatenated
        return F.relu(torch.cat([out, x], dim=1))


# %% wrong averaged -> averaged
        return F.relu((out + x) / 2)


# %% wrong multiplied -> multiplied
        return F.relu(out * x)


# %% wrong subtracted -> subtracted
        return F.relu(out - x)


# %% wrong added-twice -> added-twice
        return F.relu(out + x) + x


# %% wrong shortcut-doubled -> none
        return F.relu(out + 2 * x)


# %% wrong no-padding -> no-padding
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)


# %% wrong sixteen -> fixed-channels
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)


# %% wrong no-argument -> no-channels-argument
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)


# %% wrong eval-in-forward -> none
    def forward(self, x):
        self.bn1.eval()
        self.bn2.eval()
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong train-in-forward -> none
    def forward(self, x):
        self.train()
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong instance-norm -> none|no-batch-norm
# roles: none
        self.bn1 = nn.InstanceNorm2d(channels, affine=True)
        self.bn2 = nn.InstanceNorm2d(channels, affine=True)


# %% wrong group-norm -> none|no-batch-norm
# roles: none
        self.bn1 = nn.GroupNorm(1, channels)
        self.bn2 = nn.GroupNorm(1, channels)


# %% wrong norm-without-affine -> none
        self.bn1 = nn.BatchNorm2d(channels, affine=False)
        self.bn2 = nn.BatchNorm2d(channels, affine=False)


# %% wrong norm-without-statistics -> none
# roles: none
        self.bn1 = nn.BatchNorm2d(channels, track_running_stats=False)
        self.bn2 = nn.BatchNorm2d(channels, track_running_stats=False)


# %% wrong statistics-collected-twice -> none
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        self.bn2(self.conv1(x))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


# %% wrong dropout -> none
        out = F.dropout(out, 0.5, self.training)
        return F.relu(out + x)


# %% wrong leaky -> none
    def forward(self, x):
        out = F.leaky_relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.leaky_relu(out + x)


# %% wrong sigmoid-at-end -> none
        return torch.sigmoid(out + x)


# %% wrong layers-in-a-list -> python-list
# roles: conv1=m.f[0], bn1=m.f[1], conv2=m.f[3], bn2=m.f[4]
class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.f = [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)]

    def forward(self, x):
        out = x
        for layer in self.f:
            out = layer(out)
        return F.relu(out + x)


# %% wrong nothing-returned -> no-return
        out = F.relu(out + x)


# %% wrong super-missing -> no-super-init
    def __init__(self, channels):
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)


# %% wrong relu-before-add-and-detached -> relu-before-add|detached|none
        return F.relu(out) + x.detach()
