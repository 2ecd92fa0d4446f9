"""What honest learners do that looks strange, and must cost them nothing."""

from __future__ import annotations

ODDITIES = {
    "warnings and errors on stderr": "import sys, warnings, logging\nwarnings.warn('careful')\nprint('x', file=sys.stderr)\nlogging.error('y')",
    "prints": "for i in range(1000): print('epoch', i)",
    "an error in a cell of one's own": "1 / 0",
    "matplotlib": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "the widget backend": "%matplotlib widget\n%config InlineBackend.figure_format = 'retina'",
    "cell magics": "%%time\nx = 1",
    "shell commands": "!ls\n%pwd\n%cd /",
    "an install": "%pip install nothing-at-all",
    "input": "name = input('Your name? ')",
    "exit": "exit()",
    "help": "nn.Conv2d?",
    "a long line": "x = '" + "y" * 50_000 + "'",
    "no gradients": "torch.set_grad_enabled(False)",
    "another default dtype": "torch.set_default_dtype(torch.float64)",
    "another folder": "import os\nos.chdir('/')",
    "threads": "torch.set_num_threads(4)\ntorch.randn(300, 300) @ torch.randn(300, 300)",
    "anomalies": "torch.autograd.set_detect_anomaly(True)",
    "determinism": "torch.use_deterministic_algorithms(True)",
    "a name that shadows": "list = 3\nstr = 'x'\nprint = None",
    "a module's name as a variable": "import json, sys\njson = sys = None",
    "display": "from IPython.display import HTML, clear_output, display\ndisplay(HTML('<b>hi</b>'))\nclear_output()",
    "reload": "%load_ext autoreload\n%autoreload 2",
    "a subprocess": "import subprocess\nsubprocess.run(['true'])",
    "data loaders": "from torch.utils.data import DataLoader\nfor batch in DataLoader(list(range(8)), num_workers=2): pass",
    "top-level await": "import asyncio\nawait asyncio.sleep(0)",
    "a figure left open": "import matplotlib.pyplot as plt\nfor _ in range(25): plt.figure()",
    "print of one's own": "import builtins, functools\nbuiltins.print = functools.partial(print, flush=True)",
}
