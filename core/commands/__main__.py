"""`python -m core.commands`: what the launcher hands over to."""

import sys

from core.commands import main

sys.exit(main())
