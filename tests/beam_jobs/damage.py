"""What goes wrong with a job: its files are cut or changed, or its process is killed."""

import os


def cut_file(path: str, size: int = 1000) -> None:
    """Keeps the first bytes of a file."""
    os.truncate(path, size)


def flip_bit(path: str) -> None:
    """Changes one bit in the middle of a file."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


class Killed(BaseException):
    """Stands for a signal that ends the process."""
