# %% right as-given-mended
class RepairedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = out1
        return skip + out2


# %% right short
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2


# %% right cloned-skip
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = out1.clone()
        return skip + out2


# %% right in-place-on-out2
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        out2 += out1
        return out2


# %% right identity-module
class RepairedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.skip = nn.Identity()

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.skip(out1) + out2


# %% right sequential
# roles: first=m.first[0], second=m.second[0]
class RepairedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1))
        self.second = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1))

    def forward(self, x):
        a = self.first(x)
        return torch.add(a, self.second(a))


# %% wrong untouched -> skip-from-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = x.detach()
        return skip + out2


# %% wrong only-detach-mended -> skip-from-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = x
        return skip + out2


# %% wrong only-crash-mended -> detached
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = out1.detach()
        return skip + out2


# %% wrong crash-hidden -> stacking-only
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out2


# %% wrong caught -> stacking-only
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        try:
            return x.detach() + out2
        except RuntimeError:
            return out2


# %% wrong x-projected -> projected-x
class RepairedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.project = nn.Conv2d(3, 16, 1)

    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return self.project(x) + out2


# %% wrong x-averaged -> stretched-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = x.mean(dim=1, keepdim=True)
        return skip + out2


# %% wrong x-first-channel -> stretched-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return x[:, 0:1] + out2


# %% wrong x-padded -> padded-x
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return F.pad(x, (0, 0, 0, 0, 0, 13)) + out2


# %% wrong x-padded-detached -> none|padded-x|detached
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return F.pad(x.detach(), (0, 0, 0, 0, 0, 13)) + out2


# %% wrong item-instead -> none
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1.mean().item() + out2


# %% wrong no-grad-skip -> detached
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        with torch.no_grad():
            skip = self.conv1(x)
        return skip + out2


# %% wrong out2-detached-instead -> second-detached
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return out1 + out2.detach()


# %% wrong requires-grad-again -> detached
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        skip = out1.detach().requires_grad_()
        return skip + out2


# %% wrong overwrites-out1 -> in-place
        skip += out2
        return skip


# %% wrong concatenated -> concatenated
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return torch.cat([out1, out2], dim=1)


# %% wrong nothing-returned -> no-return
        skip + out2


# %% wrong fewer-channels -> none|second-reads-3
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
    def forward(self, x):
        out1 = self.conv1(x)
        out2 = self.conv2(out1)
        return x + out2
