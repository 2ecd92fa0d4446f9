"""`python -m autograder.keys`."""

import sys

from autograder.keys.public import main

sys.exit(main())
