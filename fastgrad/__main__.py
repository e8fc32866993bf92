"""`python -m fastgrad` is `fastgrad`."""

import sys

from .cli.main import main

sys.exit(main())
