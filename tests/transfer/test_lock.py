"""One holder at a time, and none that is dead."""

import threading

from splitcart.transfer.lock import FileLock


def test_a_lock_has_one_holder(tmp_path):
    first, second = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_many_who_take_turns_are_never_two_at_once(tmp_path):
    inside, most, turns = [], [], []

    def work() -> None:
        lock = FileLock(tmp_path / "x.lock")
        for _ in range(200):
            if lock.acquire():
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                turns.append(1)
                lock.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert turns
