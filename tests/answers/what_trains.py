# %% right plain
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'neither',
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'neither',
}


# %% right made-by-dict
trains = dict(scale='neither', weight='parameter', frozen='parameter', gain='neither', offset='neither', bias_buffer='buffer')


# %% wrong gain -> requires-grad-registers
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'parameter',
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'neither',
}


# %% wrong float -> float-trains
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'neither',
    'offset': 'parameter',
    'frozen': 'parameter',
    'scale': 'neither',
}


# %% wrong frozen -> frozen-is-nothing
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'neither',
    'offset': 'neither',
    'frozen': 'neither',
    'scale': 'neither',
}


# %% wrong list -> list-registers
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'neither',
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'parameter',
}


# %% wrong buffer -> buffer-learns
trains = {
    'weight': 'parameter',
    'bias_buffer': 'parameter',
    'gain': 'neither',
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'neither',
}


# %% wrong unanswered -> form
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': None,
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'neither',
}


# %% wrong other-word -> form
trains = {
    'weight': 'parameter',
    'bias_buffer': 'buffer',
    'gain': 'tensor',
    'offset': 'neither',
    'frozen': 'parameter',
    'scale': 'neither',
}
