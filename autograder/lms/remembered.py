"""What `collect` remembers: under which name each submission came, so that its page can go back.

One small file, `.course/collected.json`, with names in it: `forget` takes a learner out of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.files import write_whole
from autograder.lms import LmsError

FILE = ".course/collected.json"


@dataclass(frozen=True)
class Came:
    """How one submission came (`formats.Delivered`), and a digest of what was put into `submitted/`."""

    lms: str
    name: str
    number: str
    came_as: str
    order: int
    digest: str


@dataclass
class Remembered:
    """By assignment and learner how each submission came."""

    path: Path
    came: dict[str, dict[str, Came]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Remembered:
        """What is remembered in the course in `root`.

        Raises:
            LmsError: the file is damaged.
        """
        path = root / FILE
        try:
            data = json.loads(path.read_bytes())
            came = {
                assignment: {learner: Came(**one) for learner, one in some.items()}
                for assignment, some in data["came"].items()
            }
            return cls(path, came)
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise LmsError(
                f"{path} cannot be read ({error!r}); put back a copy, or delete it and collect the zips again"
            ) from error

    def of_learner(self, learner: str) -> list[Came]:
        """All that came from one learner."""
        return [some[learner] for some in self.came.values() if learner in some]

    def forget(self, learner: str) -> bool:
        """Take a learner out; False where there is nothing of theirs."""
        removed = [some.pop(learner, None) for some in self.came.values()]
        return any(removed)

    def save(self) -> None:
        came = {name: {who: asdict(one) for who, one in some.items()} for name, some in self.came.items()}
        data = {"came": came}
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
        write_whole(self.path, text + "\n", mode=0o600)
