"""The filter of system calls: what no lesson needs, and what reaches past the other walls, is refused.

A list of what is refused, not of what is allowed: PyTorch, NumPy and whatever learners import use calls that
nobody has listed. The numbers are the kernel's stable interface (`asm/unistd_64.h` of x86_64,
`asm-generic/unistd.h` of aarch64); the program is classic BPF (Linux's `Documentation/userspace-api/
seccomp_filter.rst`).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import sys

# By name: the numbers on x86_64 and on aarch64.
_REFUSED = {
    # memory and queues without a file, which no process's figures show and which outlive it
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # the kernel's keys, which belong to a user and not to a process
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # another share of the machine than was given
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    # parts of the kernel in which many of its faults were found, and which no lesson needs
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_CLONE, _CLONE3, _PRLIMIT, _MMAP = (56, 220), (435, 435), (302, 261), (9, 222)
_SOCKETS = ((41, 198), (53, 199))  # socket, socketpair
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # AUDIT_ARCH_…

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW… of <linux/sched.h>
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED | MAP_ANONYMOUS

# From <linux/bpf_common.h>, <linux/seccomp.h>, <linux/prctl.h>.
_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16  # where they stand in struct seccomp_data
_X32 = 0x40000000
_PR_SET_SECCOMP, _FILTER = 22, 2

_Step = tuple[int, int, int, int]  # what to do, steps to go on where it is so, and where not, its operand


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Instruction)))


def refuse_calls() -> None:
    """Put the filter on this process and all that it starts, for ever. It may have no new privileges.

    Raises:
        OSError: this kernel or this machine has no such filter.
    """
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls is known for {platform.machine()}")
    steps = _program(*_MACHINES[platform.machine()])
    array = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), ctypes.cast(array, ctypes.POINTER(_Instruction)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the filter of system calls was refused")


def _program(machine: int, architecture: int) -> list[_Step]:
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_answer(_JUMP_AT_LEAST, _X32, errno.ENOSYS),
    ]
    for numbers in _REFUSED.values():
        steps += _answer(_JUMP_EQUAL, numbers[machine], errno.EPERM)
    # The flags of clone3 cannot be seen; where it is not there, the C library takes clone.
    steps += _answer(_JUMP_EQUAL, _CLONE3[machine], errno.ENOSYS)
    steps += _where(_CLONE[machine], 0, _answer(_JUMP_ANY, _NEW_NAMESPACES, errno.EPERM))
    # Of the limits of others, whoever may be process 1 here.
    steps += _where(_PRLIMIT[machine], 0, _unless(0, errno.EPERM))
    shared = [(_AND, 0, 0, _SHARED_ANONYMOUS), *_answer(_JUMP_EQUAL, _SHARED_ANONYMOUS, errno.EPERM)]
    steps += _where(_MMAP[machine], 3, shared)
    for numbers in _SOCKETS:
        steps += _where(numbers[machine], 0, _unless(socket.AF_UNIX, errno.EAFNOSUPPORT))
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _answer(jump: int, operand: int, error: int) -> list[_Step]:
    """Where the comparison holds, the call fails with this error."""
    return [(jump, 0, 1, operand), (_RETURN, 0, 0, _ERROR | error)]


def _unless(operand: int, error: int) -> list[_Step]:
    return [(_JUMP_EQUAL, 1, 0, operand), (_RETURN, 0, 0, _ERROR | error)]


def _where(number: int, argument: int, steps: list[_Step]) -> list[_Step]:
    """For one call, look at the lower half of an argument; if nothing is wrong with it, it is allowed."""
    inner = [(_LOAD, 0, 0, _ARGUMENT + 8 * argument), *steps, (_RETURN, 0, 0, _ALLOW)]
    return [(_JUMP_EQUAL, 0, len(inner), number), *inner]
