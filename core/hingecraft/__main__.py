"""`python -m hingecraft` is `hingecraft`."""

import sys

from hingecraft.cli import main

sys.exit(main())
