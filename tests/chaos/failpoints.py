"""Points at which git fails, is slow, or plait is killed: from outside, by a `git` that stands before the real one.

plait itself has no door for this: it changes a repository by git commands alone, and finds git on its PATH. So each
command is a step by itself, none can be forgotten, and what a full disk makes of git is made by the real git.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Failpoints:
    """A directory to put first on the PATH."""

    directory: Path

    @classmethod
    def new(cls, directory: Path) -> "Failpoints":
        """Make it; what happens inside a git needs a C compiler.

        Raises:
            FileNotFoundError: there is no git, or no compiler.
        """
        directory.mkdir(parents=True)
        git = shutil.which("git")
        if git is None:
            raise FileNotFoundError("git")
        (directory / "real").write_text(f"REAL={git}\n", encoding="utf-8")
        shutil.copy(_HERE / "git_with_failpoint", directory / "git")
        library, source = directory / "failing_disk.so", _HERE / "failing_disk.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        return cls(directory)

    def put_on_path(self) -> None:
        """From now on plait in this process takes this git, if it has not looked for one yet."""
        os.environ["PATH"] = f"{self.directory}{os.pathsep}{os.environ['PATH']}"

    def record(self) -> None:
        """Note the steps from now on."""
        (self.directory / "recorded").touch()

    def recorded(self) -> tuple[str, ...]:
        """The steps that were taken, each once, in order; nothing is noted any more."""
        file = self.directory / "recorded"
        steps = file.read_text(encoding="utf-8").splitlines()
        file.unlink()
        return tuple(dict.fromkeys(steps))

    def arm(self, step: str, how: str, *, error: int = 0, at: int = 0) -> None:
        """Let it happen, once.

        Args:
            step: As `recorded` gives it.
            how: `kill before`, `kill after`, `fail`, `delay`, or `inside`.
            error: What a failing git says, or the call inside it gets; inside, 0 kills plait and git, -1 git alone.
            at: Inside, at which call that changes the disk.
        """
        text = f"STEP='{step}' HOW='{how}' ERROR='{os.strerror(error) if error > 0 else ''}'\n"
        text += f"PLAIT_FAULT_AT={at} PLAIT_FAULT_ERROR={error}\n"
        (self.directory / "armed").write_text(text, encoding="utf-8")

    def disarm(self) -> bool:
        """Let nothing happen any more; whether anything has, and inside a git whether it came so far."""
        inside = "HOW='inside'" in (self.directory / "armed").read_text(encoding="utf-8")
        mark = self.directory / ("inside" if inside else "fired")
        happened = mark.exists()
        (self.directory / "armed").unlink()
        (self.directory / "inside").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            (self.directory / "fired").rmdir()
        return happened

    @property
    def fired(self) -> bool:
        """Whether plait has come to the step."""
        return (self.directory / "fired").exists()
