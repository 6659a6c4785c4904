import os
import subprocess
import sys
import time

from bench import procfs


def test_the_time_that_a_process_computed_is_counted() -> None:
    meter = procfs.CpuMeter({"own": [os.getpid()]})
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert meter.spent()["own"] >= 0.15


def test_who_makes_the_load_is_shown_but_not_counted_in_the_total() -> None:
    meter = procfs.CpuMeter({procfs.LOAD: [os.getpid()]})
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    each = meter.per(10)
    assert each[procfs.LOAD] > 0
    assert each["total"] == 0


def test_children_of_children_belong_to_the_tree() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert len(procfs.tree(child.pid)) == 2
    finally:
        child.communicate(b"\n", timeout=10)


def test_memory_of_what_has_ended_is_not_known() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert procfs.memory(ended.pid) is None
    held = procfs.memory(os.getpid())
    assert held is not None
    assert held.resident >= held.own > 1
