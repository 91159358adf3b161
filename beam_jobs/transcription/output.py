"""The folder that transcripts go to, which holds nothing else."""

from densenet_ocr.beam_jobs.engine.job import state_folder
from densenet_ocr.beam_jobs.transcription.transcription_info import FILE_NAME
from densenet_ocr.pipeline import storage
from densenet_ocr.pipeline.errors import UserError

SPLIT = "transcripts"

# Files that tell what a folder is: of a data set or its export, of a training run, of an export.
_DESCRIPTIONS = ("dataset.json", "config.json", "export.json")


def check_output(folder: str) -> None:
    """Raises UserError for a folder of something else; files that were put beside transcripts may stay."""
    names = storage.list_names(folder)
    begun = storage.exists(state_folder(folder, SPLIT)) or FILE_NAME in names
    foreign = [name for name in names if name in _DESCRIPTIONS or not (begun or _is_own(name))]
    if foreign:
        raise UserError(
            f"output {folder}",
            received=f"a folder with something else in it: {_show(foreign)}",
            expected="a folder for transcripts alone, empty or not there yet",
            remedy="Name another --output.",
        )


def _show(names: list[str]) -> str:
    ordered = sorted(names, key=lambda name: name not in _DESCRIPTIONS)  # these tell most
    return ", ".join(ordered[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _is_own(name: str) -> bool:
    # A hidden file is what file managers and network disks leave.
    return name.startswith((f"{SPLIT}-", f"{SPLIT}.", f"{FILE_NAME}.", "."))
