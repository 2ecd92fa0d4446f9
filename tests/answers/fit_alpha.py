# %% right plain
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right mse-module
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right loss-by-hand
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((model(x) - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right loss-by-hand-sum
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (target - model(x)).pow(2).sum() / target.numel()
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right zeroed-after-step
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    optimizer.zero_grad()
    values = []
    for step in range(1, steps + 1):
        loss = nn.functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        values.append(float(model.alpha))
    return values


# %% right manual-step
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        model.alpha.grad = None
        F.mse_loss(model(x), target).backward()
        with torch.no_grad():
            model.alpha -= lr * model.alpha.grad
        values.append(model.alpha.item())
    model.zero_grad()
    return values


# %% right autograd-grad
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        (slope,) = torch.autograd.grad(F.mse_loss(model(x), target), model.alpha)
        model.alpha.data -= lr * slope
        values.append(model.alpha.data.tolist())
    return values


# %% right data-sub
def fit_alpha(model, x, target, steps, lr):
    out = []
    n = 0
    while n < steps:
        model.zero_grad()
        loss = F.mse_loss(input=model(x), target=target, reduction='mean')
        loss.backward()
        model.alpha.data.sub_(model.alpha.grad * lr)
        out.append(model.alpha.detach().numpy().item())
        n += 1
    return out


# %% right closure
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD(params=[model.alpha], lr=lr, momentum=0)

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        return loss

    history = []
    for _ in range(steps):
        optimizer.step(closure)
        history.append(model.alpha.item())
    return history


# %% right two-groups
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([{'params': [model.alpha]}, {'params': model.conv.parameters(), 'lr': 0.0}], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right others-frozen
def fit_alpha(model, x, target, steps, lr):
    for p in model.parameters():
        p.requires_grad_(False)
    model.alpha.requires_grad_(True)
    optimizer = torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        nn.MSELoss(reduction='mean')(model(x), target).backward()
        optimizer.step()
        history.append(model.alpha.item())
    for p in model.parameters():
        p.requires_grad_(True)
    return history


# %% right by-name
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([p for name, p in model.named_parameters() if 'alpha' in name], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% right plain-slope-by-hand
def fit_alpha(model, x, target, steps, lr):
    history = []
    with torch.no_grad():
        full = model.conv(x)
        for _ in range(steps):
            slope = 2 * ((model.alpha * full - target) * full).mean()
            model.alpha.copy_(model.alpha - lr * slope)
            history.append(model.alpha.item())
    return history


# %% right prints-progress
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    model.train()
    for i in range(steps):
        output = model(x)
        loss = F.mse_loss(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f'step {i}: loss {loss.item():.4f}, alpha {model.alpha.item():.4f}')
        history.append(round(model.alpha.item(), 12))
    return history


# %% wrong all-parameters -> trains-everything
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong all-but-alpha -> trains-the-rest
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD(model.conv.parameters(), lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong accumulated -> gradients-accumulated
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong zeroed-once -> gradients-accumulated
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    optimizer.zero_grad()
    history = []
    for _ in range(steps):
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong manual-accumulated -> gradients-accumulated
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        F.mse_loss(model(x), target).backward()
        with torch.no_grad():
            model.alpha -= lr * model.alpha.grad
        values.append(model.alpha.item())
    return values


# %% wrong zeroed-between-backward-and-step -> never-moves
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong value-before -> value-before-step
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        history.append(model.alpha.item())
        optimizer.step()
    return history


# %% wrong start-included -> start-included
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = [model.alpha.item()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong parameter-itself -> returns-tensors
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha)
    return history


# %% wrong data-of-parameter -> returns-tensors
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.data)
    return history


# %% wrong detached-clones -> returns-tensors
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.detach().clone())
    return history


# %% wrong clones -> returns-tensors|none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.clone())
    return history


# %% wrong losses -> returns-losses
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


# %% wrong loss-tensors -> none|returns-losses|returns-tensors
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(loss)
    return history


# %% wrong gradients -> returns-gradients
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.grad.item())
    return history


# %% wrong last-value -> only-last
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return model.alpha.item()


# %% wrong last-value-in-list -> only-last
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return [model.alpha.item()]


# %% wrong no-return -> no-return
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())


# %% wrong one-step-more -> one-step-more
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong from-one -> one-step-less
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(1, steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong hundred-steps -> fixed-steps
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong uphill -> uphill
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        model.zero_grad()
        F.mse_loss(model(x), target).backward()
        model.alpha.data += lr * model.alpha.grad
        values.append(model.alpha.item())
    return values


# %% wrong maximised -> uphill
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr, maximize=True)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong no-step -> never-moves
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        history.append(model.alpha.item())
    return history


# %% wrong no-backward -> never-moves
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong in-place-without-no-grad -> no-grad-missing
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        model.zero_grad()
        F.mse_loss(model(x), target).backward()
        model.alpha -= lr * model.alpha.grad
        values.append(model.alpha.item())
    return values


# %% wrong replaced -> alpha-replaced
def fit_alpha(model, x, target, steps, lr):
    values = []
    for _ in range(steps):
        model.zero_grad()
        F.mse_loss(model(x), target).backward()
        model.alpha = model.alpha - lr * model.alpha.grad
        values.append(model.alpha.item())
    return values


# %% wrong new-parameter -> none|alpha-replaced
def fit_alpha(model, x, target, steps, lr):
    model.alpha = nn.Parameter(torch.tensor(0.5))
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(x), target).backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong reset -> alpha-reset
def fit_alpha(model, x, target, steps, lr):
    model.alpha.data.fill_(0.5)
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(x), target).backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong own-rate -> rate-ignored
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=0.1)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong default-rate -> rate-ignored|none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha])
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong adam -> other-optimiser
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.Adam([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong momentum -> other-optimiser
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr, momentum=0.9)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong summed-loss -> summed-loss
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target, reduction='sum')
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong summed-loss-by-hand -> summed-loss
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((model(x) - target) ** 2).sum()
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong absolute-loss -> other-loss
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.l1_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong root-loss -> other-loss
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.sqrt(F.mse_loss(model(x), target))
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong half-loss -> halved-loss
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = 0.5 * F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong mean-then-square -> loss-of-means
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - target).mean() ** 2
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong not-squared -> loss-not-squared
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - target).mean()
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong optimiser-in-loop-adam -> none|other-optimiser
def fit_alpha(model, x, target, steps, lr):
    optimizer = None
    history = []
    for _ in range(steps):
        optimizer = torch.optim.Adam([model.alpha], lr=lr)
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong loss-outside -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    loss = F.mse_loss(model(x), target)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong alpha-not-in-list -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD(model.alpha, lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong item-as-parameter -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha.item()], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong returned-too-early -> none|only-last
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(x), target).backward()
        optimizer.step()
        history.append(model.alpha.item())
        return history


# %% wrong strings -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(f'{model.alpha.item():.4f}')
    return history


# %% wrong rounded -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        history.append(round(model.alpha.item(), 2))
    return history


# %% wrong alpha-and-gradient-clipped -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        model.alpha.grad.clamp_(-0.01, 0.01)
        optimizer.step()
        history.append(model.alpha.item())
    return history


# %% wrong weights-reset -> none
def fit_alpha(model, x, target, steps, lr):
    optimizer = torch.optim.SGD([model.alpha], lr=lr)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(x), target).backward()
        optimizer.step()
        history.append(model.alpha.item())
    model.conv.reset_parameters()
    return history
