"""What the courses of all tests share: this root on the path, and one secret with its keys.

A secret key takes seconds to make, and its name says what it was made from: one place serves every test.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # for scripts in here; pytest puts it there
    sys.path.insert(0, str(ROOT))

SECRET = b"the secret of a course that is only tested"
KEYS = ROOT / "build" / "keys-of-tests"
