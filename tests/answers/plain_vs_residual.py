# %% right plain
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'x',
    'deeper_plain': 'higher',
    'identity_parameters': 0,
}


# %% right zero-as-float
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'x',
    'deeper_plain': 'higher',
    'identity_parameters': 0.0,
}


# %% wrong plain-passes -> plain-passes-x
predictions_residual = {
    'plain_output': 'x',
    'residual_output': 'x',
    'deeper_plain': 'higher',
    'identity_parameters': 0,
}


# %% wrong shortcut-overlooked -> shortcut-overlooked
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'zeros',
    'deeper_plain': 'higher',
    'identity_parameters': 0,
}


# %% wrong deeper -> deeper-is-better
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'x',
    'deeper_plain': 'lower',
    'identity_parameters': 0,
}


# %% wrong projection -> projection-counted
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'x',
    'deeper_plain': 'higher',
    'identity_parameters': 4096,
}


# %% wrong unanswered -> form
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': None,
    'deeper_plain': 'higher',
    'identity_parameters': 0,
}


# %% wrong own-number -> none
predictions_residual = {
    'plain_output': 'zeros',
    'residual_output': 'x',
    'deeper_plain': 'higher',
    'identity_parameters': 5,
}
