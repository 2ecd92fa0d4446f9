# %% right plain
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% right floats-and-list
predictions_flow = {
    'double_then_add': 13.0,
    'add_then_double': 16,
    'shape_3_16_32': [1, 32, 32, 32],
    'which_leaves': 'second',
}


# %% right computed
predictions_flow = {
    'double_then_add': 5 * 2 + 3,
    'add_then_double': (5 + 3) * 2,
    'shape_3_16_32': torch.Size([1, 32, 32, 32]),
    'which_leaves': 'second',
}


# %% wrong adds -> adds
predictions_flow = {
    'double_then_add': 18,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong first-only -> first-only
predictions_flow = {
    'double_then_add': 10,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong second-only -> second-only
predictions_flow = {
    'double_then_add': 8,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong order -> order-does-not-matter
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 13,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong adds-second -> adds
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 18,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong not-known -> none
predictions_flow = {
    'double_then_add': 21,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong unanswered -> form
predictions_flow = {
    'double_then_add': None,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong first-channels -> first-only
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 16, 32, 32),
    'which_leaves': 'second',
}


# %% wrong concatenated -> concatenated
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 48, 32, 32),
    'which_leaves': 'second',
}


# %% wrong no-padding -> no-padding
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 28, 28),
    'which_leaves': 'second',
}


# %% wrong sum-leaves -> adds
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'sum',
}


# %% wrong first-leaves -> first-only
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'first',
}


# %% wrong text -> form
predictions_flow = {
    'double_then_add': '13',
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'second',
}


# %% wrong other-text -> form
predictions_flow = {
    'double_then_add': 13,
    'add_then_double': 16,
    'shape_3_16_32': (1, 32, 32, 32),
    'which_leaves': 'out2',
}


# %% wrong not-a-dict -> not-a-dict
predictions_flow = [13, 16, (1, 32, 32, 32), 'second']


# %% wrong a-key-missing -> form
predictions_flow = {'double_then_add': 13, 'add_then_double': 16, 'shape_3_16_32': (1, 32, 32, 32)}
