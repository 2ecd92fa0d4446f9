# %% right plain-loop
def intermediate_outputs(model, x):
    outputs = []
    for layer in model:
        x = layer(x)
        outputs.append(x)
    return outputs


# %% right by-index
def intermediate_outputs(model, x):
    outs = []
    for i in range(len(model)):
        x = model[i](x)
        outs += [x]
    return outs


# %% right children
def intermediate_outputs(model, x):
    results = list()
    h = x
    for child in model.children():
        h = child(h)
        results.append(h)
    return results


# %% right named-children
def intermediate_outputs(model, x):
    results = {}
    for name, module in model.named_children():
        x = module(x)
        results[name] = x
    return list(results.values())


# %% right walrus
def intermediate_outputs(model, x):
    h = x
    return [h := layer(h) for layer in model]


# %% right accumulate
from itertools import accumulate

def intermediate_outputs(model, x):
    return list(accumulate(model, lambda t, layer: layer(t), initial=x))[1:]


# %% right growing-slices
def intermediate_outputs(model, x):
    return [model[:i + 1](x) for i in range(len(model))]


# %% right recursive
def intermediate_outputs(model, x):
    if len(model) == 0:
        return []
    first = model[0](x)
    return [first, *intermediate_outputs(model[1:], first)]


# %% right hooks-removed
def intermediate_outputs(model, x):
    outputs = []
    handles = [layer.register_forward_hook(lambda m, i, o: outputs.append(o)) for layer in model]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


# %% right cloned
def intermediate_outputs(model, x):
    outputs = []
    for layer in model:
        x = layer(x)
        outputs.append(x.clone())
    return outputs


# %% right input-first-then-sliced
def intermediate_outputs(model, x):
    states = [x]
    for layer in model:
        states.append(layer(states[-1]))
    return states[1:]


# %% right generator-helper
def steps(model, x):
    for layer in model:
        x = layer(x)
        yield x

def intermediate_outputs(model, x):
    return list(steps(model, x))


# %% right modules-dict-values
def intermediate_outputs(model, x):
    out, collected = x, []
    for layer in model._modules.values():
        out = layer.forward(out)
        collected.append(out)
    print(len(collected), 'outputs')
    return collected


# %% right enumerate-and-checks
def intermediate_outputs(model, x):
    assert isinstance(model, nn.Sequential)
    outs: list = [None] * len(model)
    for i, layer in enumerate(model):
        x = outs[i] = layer(x)
    return outs


# %% wrong all-see-x -> every-layer-sees-x
def intermediate_outputs(model, x):
    return [layer(x) for layer in model]


# %% wrong all-see-x-loop -> every-layer-sees-x
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        out = layer(x)
        outs.append(out)
    return outs


# %% wrong last-only -> only-last
def intermediate_outputs(model, x):
    return [model(x)]


# %% wrong append-after-loop -> only-last
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
    outs.append(x)
    return outs


# %% wrong one-tensor -> only-last
def intermediate_outputs(model, x):
    for layer in model:
        x = layer(x)
    return x


# %% wrong list-made-in-loop -> only-last
def intermediate_outputs(model, x):
    for layer in model:
        outs = []
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong input-kept -> input-included
def intermediate_outputs(model, x):
    outs = [x]
    for layer in model:
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong appended-before -> inputs-of-each
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        outs.append(x)
        x = layer(x)
    return outs


# %% wrong last-missing -> last-missing
def intermediate_outputs(model, x):
    outs = []
    for layer in model[:-1]:
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong first-missing -> first-missing
def intermediate_outputs(model, x):
    outs = []
    x = model[0](x)
    for layer in model[1:]:
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong returned-in-loop -> first-only
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x)
        return outs


# %% wrong inserted-in-front -> reversed-order
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.insert(0, x)
    return outs


# %% right detached
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x.detach())
    return outs


# %% right no-grad
def intermediate_outputs(model, x):
    outs = []
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            outs.append(x)
    return outs


# %% wrong numpy -> numbers
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x.detach().numpy())
    return outs


# %% wrong hooks-left -> hooks-left
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        layer.register_forward_hook(lambda m, i, o: outs.append(o))
    model(x)
    return outs


# %% wrong nested -> nested-modules
def intermediate_outputs(model, x):
    outs = []
    def keep(m, i, o):
        outs.append(o)
    handles = [m.register_forward_hook(keep) for m in model.modules() if not list(m.children())]
    model(x)
    for h in handles:
        h.remove()
    return outs


# %% wrong modules-loop -> none|nested-modules
def intermediate_outputs(model, x):
    outs = []
    for layer in model.modules():
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong all-modules-hooked -> nested-modules
def intermediate_outputs(model, x):
    outs = []
    handles = [m.register_forward_hook(lambda m, i, o: outs.append(o)) for m in model.modules()]
    model(x)
    for h in handles:
        h.remove()
    return outs


# %% wrong shapes -> shapes
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x.shape)
    return outs


# %% wrong layers -> layers
def intermediate_outputs(model, x):
    return [layer for layer in model]


# %% wrong dict -> as-dict
def intermediate_outputs(model, x):
    outs = {}
    for name, layer in model.named_children():
        x = layer(x)
        outs[name] = x
    return outs


# %% wrong pairs -> pairs
def intermediate_outputs(model, x):
    outs = []
    for name, layer in model.named_children():
        x = layer(x)
        outs.append((name, x))
    return outs


# %% wrong generator -> generator
def intermediate_outputs(model, x):
    for layer in model:
        x = layer(x)
        yield x


# %% wrong stack -> stacked|none
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x)
    return torch.stack(outs)


# %% wrong nothing-returned -> no-return
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x)


# %% wrong printed -> no-return
def intermediate_outputs(model, x):
    for layer in model:
        x = layer(x)
        print(x)


# %% wrong left-in-eval -> left-in-eval
def intermediate_outputs(model, x):
    model.eval()
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x)
    return outs


# %% wrong adds -> adds|none
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = x + layer(x)
        outs.append(x)
    return outs


# %% wrong first-image -> first-image|none
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x[0])
    return outs


# %% wrong model-output-again -> model-output-added
def intermediate_outputs(model, x):
    outs = []
    h = x
    for layer in model:
        h = layer(h)
        outs.append(h)
    outs.append(model(x))
    return outs


# %% wrong same-list-kept -> none
store = []

def intermediate_outputs(model, x):
    for layer in model:
        x = layer(x)
        store.append(x)
    return store


# %% wrong not-callable -> none|no-return
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        outs.append(layer)
    outs(x)


# %% wrong weights-zeroed -> none
def intermediate_outputs(model, x):
    outs = []
    for layer in model:
        x = layer(x)
        outs.append(x)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    return outs


# %% wrong input-changed -> none
def intermediate_outputs(model, x):
    outs = []
    h = x
    for layer in model:
        h = layer(h)
        outs.append(h)
    with torch.no_grad():
        x.mul_(0)
    return outs


# %% wrong wrong-signature -> none
def intermediate_outputs(model):
    return list(model)


# %% wrong a-class -> not-a-function
class intermediate_outputs(nn.Module):
    def forward(self, model, x):
        return [model(x)]


# %% wrong ellipsis -> none|no-return
def intermediate_outputs(model, x):
    ...
