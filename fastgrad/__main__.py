"""`python -m fastgrad` is `fastgrad`."""

import sys

from .cli import main

sys.exit(main())
