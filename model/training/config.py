"""What a training is told, checked where it is made and saved with the run."""

import dataclasses

from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.errors import check_setting

OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16", "float16")
STRATEGIES = ("auto", "one", "mirrored")
CHARSET_MODES = ("fail", "union", "new")

# Settings by name; flags that are given come before them. `notebook` is what it trained with, the defaults;
# `recommended` read 0.98 to 0.99 of the demo's lines after 750 steps with three seeds, `notebook` 0.79 to 0.98.
PRESETS = {
    "notebook": {},
    "recommended": {
        "learning_rate": 4e-3,
        "schedule": "cosine",
        "warmup_steps": 100,
        "clip_norm": 5.0,
        "ema_decay": 0.999,
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What decides a training's result, together with its data; a run is resumed only with an equal one.

    The defaults are the notebook's: Adam at a constant 1e-3, batches of 64, at most 100 epochs, patience 10.
    `weight_decay` is AdamW's, beside the network's own L2 terms; `clip_norm` bounds the gradients' global norm
    (0: does not). With an `ema_decay` above 0 the weights' moving average is what is validated and read.
    `precision` is what the network computes in; weights and logits are float32.

    `init_from` names a run, or a weights file in one, whose weights this one begins with, or a file of the
    original notebook's weights, whose charset `init_charset` names (by default the data's). `charset_mode` says
    what becomes of characters that only one of them has (see model.training.transfer). For the first
    `freeze_trunk_steps` steps only the last layer changes (see model.training.freezing).
    """

    train_split: str = "train"
    validation_split: str | None = None
    init_from: str | None = None
    init_charset: str | None = None
    charset_mode: str = "fail"
    freeze_trunk_steps: int = 0
    epochs: int = 100
    batch_size: int = 64
    optimizer: str = "adam"
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_steps: int = 0
    patience: int = 10
    ema_decay: float = 0.0
    precision: str = "float32"
    jit_compile: bool = False
    augmentation: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    shuffle_buffer: int = 4096
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch_size", "patience", "shuffle_buffer"):
            check_setting(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        self._check_transfer()
        check_setting("optimizer", self.optimizer, self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS))
        decays = self.weight_decay > 0 if self.optimizer == "adamw" else self.weight_decay == 0
        expected = "more than 0 with --optimizer=adamw, 0 with adam"
        check_setting("weight_decay", self.weight_decay, decays, expected)
        check_setting("clip_norm", self.clip_norm, self.clip_norm >= 0, "0 or more")
        check_setting("precision", self.precision, self.precision in PRECISIONS, ", ".join(PRECISIONS))
        check_setting("ema_decay", self.ema_decay, 0 <= self.ema_decay < 1, "0 or more, less than 1")
        check_setting("learning_rate", self.learning_rate, self.learning_rate > 0, "more than 0")
        check_setting("warmup_steps", self.warmup_steps, self.warmup_steps >= 0, "0 or more")
        check_setting("seed", self.seed, 0 <= self.seed < 2**31, "0 to 2147483647")
        check_setting("schedule", self.schedule, self.schedule in SCHEDULES, " or ".join(SCHEDULES))

    def _check_transfer(self) -> None:
        mode, steps = self.charset_mode, self.freeze_trunk_steps
        check_setting("charset_mode", mode, mode in CHARSET_MODES, ", ".join(CHARSET_MODES))
        check_setting("freeze_trunk_steps", steps, steps >= 0, "0 or more")
        charset = self.init_charset
        check_setting("init_charset", charset, self.init_from or not charset, "none without --init_from")
        check_setting("charset_mode", mode, self.init_from or mode == "fail", "fail without --init_from")
        check_setting("freeze_trunk_steps", steps, self.init_from or not steps, "0 without --init_from")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """When a run saves what it needs to go on, beside the ends of epochs; it may change when a run is resumed.

    There is a checkpoint every `checkpoint_steps` steps (0: none by steps), and where the last one is
    `checkpoint_minutes` old; the last `keep_checkpoints` stay.
    """

    checkpoint_steps: int = 0
    checkpoint_minutes: float = 10.0
    keep_checkpoints: int = 3

    def __post_init__(self):
        check_setting("checkpoint_steps", self.checkpoint_steps, self.checkpoint_steps >= 0, "0 or more")
        minutes = self.checkpoint_minutes
        check_setting("checkpoint_minutes", minutes, minutes > 0, "more than 0")
        check_setting("keep_checkpoints", self.keep_checkpoints, self.keep_checkpoints >= 1, "1 or more")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """What a run shows of itself beside its figures; it may change when a run is resumed.

    TensorBoard gets histograms of the weights every `histogram_epochs` epochs, from the first one (0: never).
    """

    histogram_epochs: int = 0

    def __post_init__(self):
        check_setting("histogram_epochs", self.histogram_epochs, self.histogram_epochs >= 0, "0 or more")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """What a program uses of its machine; it may change when a run is resumed.

    `gpu_memory_fraction` is a hard share of each GPU's memory; None lets TensorFlow take memory as it needs it.
    Thread counts of 0 are OMP_NUM_THREADS for operations if that is set, else TensorFlow's choice.
    """

    strategy: str = "auto"
    gpu_memory_fraction: float | None = None
    intra_op_threads: int = 0
    inter_op_threads: int = 0

    def __post_init__(self):
        check_setting("strategy", self.strategy, self.strategy in STRATEGIES, ", ".join(STRATEGIES))
        fraction = self.gpu_memory_fraction
        check_setting(
            "gpu_memory_fraction", fraction, fraction is None or 0 < fraction <= 1, "more than 0, at most 1"
        )
        for name in ("intra_op_threads", "inter_op_threads"):
            check_setting(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
