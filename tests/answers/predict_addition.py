# %% right plain
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% right lists
predictions_addition = {
    'a': [1, 16, 32, 32],
    'b': 'error',
    'c': torch.Size((1, 16, 32, 32)),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong cat -> concatenated
predictions_addition = {
    'a': (1, 32, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong larger -> larger-wins
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': (1, 32, 32, 32),
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong smaller -> smaller-wins
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': (1, 16, 32, 32),
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong no-broadcast -> broadcast-unknown
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': 'error',
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong no-broadcast-d -> broadcast-unknown
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': 'error',
    'e': 'error',
    'f': 'error',
}


# %% wrong aligned-left -> aligned-left
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (16, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong cropped -> smaller-wins
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': (1, 16, 30, 30),
    'f': 'error',
}


# %% wrong stretched-3 -> larger-wins
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': (1, 16, 32, 32),
}


# %% wrong unanswered -> form
predictions_addition = {
    'a': None,
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': 'error',
}


# %% wrong own -> none
predictions_addition = {
    'a': (1, 16, 32, 32),
    'b': 'error',
    'c': (1, 16, 32, 32),
    'd': (1, 16, 32, 32),
    'e': 'error',
    'f': (1, 8, 32, 32),
}
