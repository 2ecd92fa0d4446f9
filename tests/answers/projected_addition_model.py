# %% right plain
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.project = nn.Conv2d(16, 32, 1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + self.project(out1)


# %% right projection-first
    def forward(self, x):
        out1 = self.conv1(x)
        skip = self.project(out1)
        return skip + self.conv2(out1)


# %% right projection-made-first-no-bias
# roles: first=m.a, second=m.b, project=m.shortcut
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.shortcut = nn.Conv2d(16, 32, kernel_size=1, bias=False)
        self.b = nn.Conv2d(16, 32, 3, padding=1)
        self.a = nn.Conv2d(3, 16, 3, padding=1, bias=False)

    def forward(self, x):
        h = self.a(x)
        y = self.b(h)
        y += self.shortcut(h)
        return y


# %% right linear-as-projection
# roles: first=m.conv1, second=m.conv2, project=(m.mix.weight[:, :, None, None], m.mix.bias)
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.mix = nn.Linear(16, 32)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = self.mix(out1.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out2 + skip


# %% right einsum-projection
# roles: first=m.conv1, second=m.conv2, project=(m.mix[:, :, None, None], None)
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.mix = nn.Parameter(torch.randn(32, 16) / 4)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + torch.einsum('oc,nchw->nohw', self.mix, out1)


# %% right module-dict
# roles: first=m.net['one'], second=m.net['two'], project=m.net['skip']
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.ModuleDict({'skip': nn.Conv2d(16, 32, 1), 'two': nn.Conv2d(16, 32, 3, padding=1), 'one': nn.Conv2d(3, 16, 3, padding=1)})

    def forward(self, x):
        one = self.net['one'](x)
        return sum((self.net['two'](one), self.net['skip'](one)))


# %% right projection-in-centre
        self.project = nn.Conv2d(16, 32, 1, padding=0, stride=1)
        return torch.add(self.project(out1), out2)


# %% right lazy
        self.conv1 = nn.LazyConv2d(16, 3, padding=1)
        self.conv2 = nn.LazyConv2d(32, 3, padding=1)
        self.project = nn.LazyConv2d(32, 1)
        return self.project(out1) + out2


# %% right merged-kernel
    def forward(self, x):
        out1 = self.conv1(x)
        kernel = self.conv2.weight + F.pad(self.project.weight, (1, 1, 1, 1))
        return F.conv2d(out1, kernel, self.conv2.bias + self.project.bias, padding=1)


# %% right skip-module
# roles: first=m[0], second=m[1].inner, project=m[1].project
class ProjectedSkip(nn.Module):
    def __init__(self, inner, project):
        super().__init__()
        self.inner, self.project = inner, project

    def forward(self, x):
        return self.inner(x) + self.project(x)


class ProjectedAdditionModel(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 16, 3, padding=1),
            ProjectedSkip(nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(16, 32, 1)),
        )


# %% wrong no-projection -> no-projection
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% wrong projection-unused -> no-projection
        return out2 + out1


# %% wrong chain-only -> stacking-only
        return out2


# %% wrong projection-only -> only-projection
        return self.project(out1)


# %% wrong projects-x -> projects-x
        self.project = nn.Conv2d(3, 32, 1)
        return out2 + self.project(x)


# %% wrong projects-x-16 -> projects-x
        return out2 + self.project(x)


# %% wrong projects-out2 -> projects-out2
        self.project = nn.Conv2d(32, 16, 1)
        return out1 + self.project(out2)


# %% wrong projects-out2-32 -> projects-out2
        self.project = nn.Conv2d(32, 32, 1)
        return out2 + self.project(out2)


# %% wrong projection-32-to-32-of-out1 -> projects-out2|none
        self.project = nn.Conv2d(32, 32, 1)


# %% wrong one-channel -> one-channel
        self.project = nn.Conv2d(16, 1, 1)


# %% wrong mean-channel -> stretched
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + out1.mean(dim=1, keepdim=True)


# %% wrong zero-padded -> padded-with-zeros
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        zeros = torch.zeros_like(out1)
        return out2 + torch.cat([out1, zeros], dim=1)


# %% wrong repeated -> channels-repeated
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + out1.repeat(1, 2, 1, 1)


# %% wrong half-dropped -> channels-dropped
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2[:, :16] + out1


# %% wrong concatenated -> concatenated
        return torch.cat([out2, self.project(out1)], dim=1)


# %% wrong concatenated-48 -> concatenated
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return torch.cat([out1, out2], dim=1)


# %% wrong averaged -> averaged
        return (out2 + self.project(out1)) / 2


# %% wrong multiplied -> multiplied
        return out2 * self.project(out1)


# %% wrong subtracted -> subtracted
        return out2 - self.project(out1)


# %% wrong both-from-x -> parallel-branches
        self.conv2 = nn.Conv2d(3, 32, 3, padding=1)
    def forward(self, x):
        out1 = self.conv1(x)
        return self.conv2(x) + self.project(out1)


# %% wrong skip-detached -> detached
        return out2 + self.project(out1.detach())


# %% wrong projection-detached -> projection-detached
        return out2 + self.project(out1).detach()


# %% wrong projection-3x3 -> projection-3x3
        self.project = nn.Conv2d(16, 32, 3, padding=1)


# %% wrong projection-3x3-unpadded -> projection-3x3
        self.project = nn.Conv2d(16, 32, 3)


# %% wrong projection-padded -> projection-padded
        self.project = nn.Conv2d(16, 32, 1, padding=1)


# %% wrong no-padding -> no-padding
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)


# %% wrong relu-between -> relu-implied
    def forward(self, x):
        out1 = F.relu(self.conv1(x))
        return self.conv2(out1) + self.project(out1)


# %% wrong relu-after -> relu-implied
        return F.relu(out2 + self.project(out1))


# %% wrong projection-made-in-forward -> none|layers-in-forward
# roles: first=m.conv1, second=m.conv2, project=none
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + nn.Conv2d(16, 32, 1)(out1)


# %% wrong projection-in-a-list -> none|python-list
# roles: first=m.conv1, second=m.conv2, project=m.extra[0]
class ProjectedAdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.extra = [nn.Conv2d(16, 32, 1)]

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2 + self.extra[0](out1)


# %% wrong sum-projected -> none
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        return self.project(out1 + out2)


# %% wrong strided-projection -> none
        self.project = nn.Conv2d(16, 32, 1, stride=2)


# %% wrong pair-returned -> returns-both
        return out2, self.project(out1)


# %% wrong second-reused -> second-doubled
        return out2 + self.conv2(out1)


# %% wrong nothing-returned -> no-return
        out2 + self.project(out1)


# %% wrong super-missing -> no-super-init
    def __init__(self):
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.project = nn.Conv2d(16, 32, 1)
